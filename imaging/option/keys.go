package option

// Keys returns the names of all options.
func Keys() []string {
	var keys []string
	for _, r := range rows {
		keys = append(keys, r.Name)
	}
	return keys
}

// Limit is the longest text that an option takes, in bytes; false means that there is no such option.
func Limit(key string) (int, bool) {
	o, ok := Find(key)
	return o.MaxText, ok
}

// FileLimit is how large a file a form may have for an option, in bytes; false means that it takes text alone.
func FileLimit(key string) (int, bool) {
	o, _ := Find(key)
	return o.MaxFile, o.MaxFile > 0
}
