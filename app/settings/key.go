package settings

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"bgremove/terminal"
)

// EnvPrefix is what the names of all variables begin with.
const EnvPrefix = "BGREMOVE_"

// Key is one setting: a field of Config, what its tags say about it, and where its value came from.
type Key struct {
	Name string // dotted, as in queue.max_depth
	help string
	// "url" where the value may hold a password, "urls" where it is several with commas between,
	// "value" where all of it is one
	secret string
	field  any    // pointer to the field in the Config
	origin string // "default", "config.yaml:12", "BGREMOVE_QUEUE_MAX_DEPTH" or "--queue-max-depth"
	// a layer's value was refused; what Validate says of the value below it would mislead
	faulty bool
}

// keysOf lists the settings in a struct, those of nested structs included, in
// the order of the fields.
func keysOf(v reflect.Value, prefix string) []*Key {
	var keys []*Key
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		name := prefix + tag.Get("yaml")
		if field.Kind() == reflect.Struct {
			keys = append(keys, keysOf(field, name+".")...)
			continue
		}
		keys = append(keys, &Key{
			Name:   name,
			help:   tag.Get("help"),
			secret: tag.Get("secret"),
			field:  field.Addr().Interface(),
			origin: "default",
		})
	}
	return keys
}

// env is the key's environment variable.
func (k *Key) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Flag returns the key's flag without the dashes.
func (k *Key) Flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(k.Name)
}

// set takes a value from any layer. All of them go through here, and not through yaml and an
// environment library, so that a value means the same in each, no fraction is cut to a whole number
// and every fault names its origin.
func (k *Key) set(text, origin string) error {
	switch field := k.field.(type) {
	case *string:
		*field = text
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("must be a whole number, is %q", text)
		}
		*field = n
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false, is %q", text)
		}
		*field = b
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("must be a time with its unit, such as 90s, 5m or 1h30m, is %q", text)
		}
		*field = d
	default:
		return errors.New("has a type that cannot be set: " + k.Kind())
	}
	k.origin = origin
	return nil
}

// Usage returns the help of the key's flag.
func (k *Key) Usage() string { return fmt.Sprintf("%s (default %s)", k.help, yamlText(k.value())) }

// Kind names the value's type in help texts.
func (k *Key) Kind() string {
	if _, ok := k.field.(*time.Duration); ok {
		return "duration"
	}
	return reflect.TypeOf(k.field).Elem().Kind().String()
}

// value is what may be shown: an int, a bool or a string; durations are text as in 1h30m, and
// passwords are hidden. Whether there is one may be seen.
func (k *Key) value() any {
	switch field := k.field.(type) {
	case *time.Duration:
		return terminal.Duration(*field)
	case *string:
		parts := k.parts()
		for i, part := range parts {
			parts[i] = k.redact(part)
		}
		return strings.Join(parts, ",")
	}
	return reflect.ValueOf(k.field).Elem().Interface()
}

// hide takes a secret value out of a message about it.
func (k *Key) hide(message string) string {
	for _, part := range k.parts() {
		if _, err := url.Parse(part); err != nil && k.secret != "value" {
			return "is no valid address" // the message may quote any part of it
		}
		message = strings.ReplaceAll(message, part, k.redact(part))
	}
	return message
}

// parts are the addresses in a text that lists several, or all of a text.
func (k *Key) parts() []string {
	text := *k.field.(*string)
	if k.secret != "urls" {
		return []string{text}
	}
	list := strings.Split(text, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

func (k *Key) redact(part string) string {
	switch {
	case k.secret == "" || part == "":
		return part
	case k.secret == "value":
		return "(hidden)"
	}
	return RedactURL(part)
}

// RedactURL returns an address without its passwords: the user's, and those that Redis Sentinel
// takes as parameters. Where http:// is missing, url.Parse alone would see none.
func RedactURL(address string) string {
	whole := address
	if !strings.Contains(address, "://") {
		whole = "//" + address
	}
	u, err := url.Parse(whole)
	if err != nil {
		return "(hidden, because it is no address)"
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return strings.TrimPrefix(u.Redacted(), "//")
}
