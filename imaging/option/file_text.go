package option

import (
	"encoding/base64"
	"fmt"
	"strings"

	"bgremove/imaging/picture"
)

// parseFileText decodes an option that is a file of at most limit bytes: base64,
// standard or URL-safe, padded or not, with line breaks and a data-URL prefix or
// without. A fault is an ErrOption.
func parseFileText(key, text string, limit int) ([]byte, error) {
	payload := text
	if strings.HasPrefix(text, "data:") {
		header, rest, ok := strings.Cut(text, ",")
		if !ok || !strings.HasSuffix(header, ";base64") {
			return nil,
				fmt.Errorf("%w: %s: a data URL must begin with data:<type>;base64, and is %.32q",
					picture.ErrOption, key, text)
		}
		payload = rest
	}
	payload = strings.NewReplacer("-", "+", "_", "/", " ", "", "\t", "", "\r", "", "\n", "").
		Replace(payload)
	for range 2 {
		payload = strings.TrimSuffix(payload, "=")
	}
	file, err := base64.RawStdEncoding.DecodeString(payload)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: is not base64 of an image file, begins with %.32q",
			picture.ErrOption, key, text)
	case len(file) == 0:
		return nil, fmt.Errorf("%w: %s: the file is empty (0 bytes)", picture.ErrOption, key)
	}
	return file, checkFile(key, file, limit)
}

func checkFile(key string, file []byte, limit int) error {
	if len(file) > limit {
		return fmt.Errorf("%w: %s: %d bytes, the limit is %d",
			picture.ErrOption, key, len(file), limit)
	}
	return nil
}

// FileFault hides what kind of fault an option's file has: one that is no image is not
// an input that is none.
func FileFault(key string, err error) error {
	return fmt.Errorf("%w: %s: %s", picture.ErrOption, key, err.Error())
}

// FileText returns a file as base64 in the alphabet that a query need not escape.
func FileText(file []byte) string { return base64.RawURLEncoding.EncodeToString(file) }
