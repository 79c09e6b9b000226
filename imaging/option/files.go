package option

import (
	"encoding/base64"
	"strings"
)

// file returns where the file of a key lies; nil for a key that takes none.
func (o *Options) file(key string) *[]byte {
	switch key {
	case "mask":
		return &o.Mask
	case "bg_image":
		return &o.BackgroundImage
	}
	return nil
}

// Files returns the options that are files, by key.
func (o Options) Files() map[string][]byte {
	files := map[string][]byte{}
	for _, key := range Keys() {
		if file := o.file(key); file != nil && *file != nil {
			files[key] = *file
		}
	}
	return files
}

// WithoutFiles returns the options that are not files.
func (o Options) WithoutFiles() Options {
	o.Mask, o.BackgroundImage = nil, nil
	return o
}

// Encode returns what url.ParseQuery makes Values of. Files, which are large, are encoded once and not copied.
func (o Options) Encode() string {
	texts, files := o.WithoutFiles().Values().Encode(), o.Files()
	size := len(texts)
	for key, file := range files {
		size += len(key) + len("&=") + base64.RawURLEncoding.EncodedLen(len(file))
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(texts)
	for key, file := range files {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(key + "=")
		e := base64.NewEncoder(base64.RawURLEncoding, &b)
		_, _ = e.Write(file) // a Builder takes all
		_ = e.Close()
	}
	return b.String()
}
