package option

import (
	"encoding/base64"
	"strings"
)

// Files returns the options that are files, by name.
func (o Options) Files() map[string][]byte {
	files := map[string][]byte{}
	for _, r := range rows {
		if r.file != nil && *r.file(&o) != nil {
			files[r.Name] = *r.file(&o)
		}
	}
	return files
}

// WithoutFiles returns the options that are not files.
func (o Options) WithoutFiles() Options {
	for _, r := range rows {
		if r.file != nil {
			*r.file(&o) = nil
		}
	}
	return o
}

// Encode returns what url.ParseQuery makes Values of. Files, which are large, are
// encoded once and not copied.
func (o Options) Encode() string {
	texts, files := o.WithoutFiles().Values().Encode(), o.Files()
	size := len(texts)
	for name, file := range files {
		size += len(name) + len("&=") + base64.RawURLEncoding.EncodedLen(len(file))
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(texts)
	for name, file := range files {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=")
		e := base64.NewEncoder(base64.RawURLEncoding, &b)
		_, _ = e.Write(file) // a Builder takes all
		_ = e.Close()
	}
	return b.String()
}
