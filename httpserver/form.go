package httpserver

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"unicode"

	"bgremove/fault"
)

const (
	maxParts  = 64 // of a multipart form
	formBegin = 64 // bytes by which a form is told from a picture
)

// isForm tells an urlencoded form from a picture that is said to be one. A form begins with a name,
// of letters, digits and some signs, and an equals sign, and no control byte is near. Among the
// first bytes of a picture there is one; in PNM of text, white space comes before any equals sign.
func isForm(data []byte) bool {
	begin := bytes.TrimRight(data[:min(len(data), formBegin)], "\r\n")
	name, _, ok := bytes.Cut(begin, []byte("="))
	strange := func(r rune) bool {
		return r >= 0x80 ||
			base64Symbols[byte(r)] >= symbolSpace && !strings.ContainsRune("%.[]", r)
	}
	return ok && len(name) > 0 && !bytes.ContainsFunc(name, strange) &&
		!bytes.ContainsFunc(begin, unicode.IsControl)
}

// decodeForm reads an urlencoded form, and takes its escapes away in place. Of two equal names the
// last counts. An empty picture is absent.
func decodeForm(data []byte, f Form) (Upload, error) {
	up := newUpload(f)
	texts := map[string][]byte{}
	for pair := range bytes.SplitSeq(data, []byte("&")) {
		escaped, text, _ := bytes.Cut(pair, []byte("="))
		name, ok := unescape(escaped, ' ')
		if !ok {
			return Upload{}, badForm("The form is not valid percent-encoding", nil)
		}
		known, ok := f.find(string(name), func(a, b string) bool { return a == b })
		if !ok {
			if up.Unknown == "" {
				up.Unknown = string(name)
			}
			continue
		}
		// A plus stands for a space. In base64 as it is it means a plus.
		picture, plus := slices.Contains(f.pictures(), known), byte(' ')
		isFile := func(field Field) bool { return field.Key == known && field.MaxFile > 0 }
		if picture || slices.ContainsFunc(f.Fields, isFile) {
			plus = '+'
		}
		if text, ok = unescape(text, plus); !ok {
			return Upload{}, badForm("The form is not valid percent-encoding", nil)
		}
		if len(text) > 0 || !picture {
			texts[known] = text
		}
	}
	err := up.fill(f, texts)
	return up, err
}

// unescape takes percent-encoding away in place; false means that it is none. plus is what a plus
// stands for.
func unescape(text []byte, plus byte) (plain []byte, ok bool) {
	plain = text[:0]
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '+':
			plain = append(plain, plus)
		case '%':
			var c [1]byte
			if _, err := hex.Decode(c[:], text[i+1:min(i+3, len(text))]); err != nil ||
				i+2 >= len(text) {
				return nil, false
			}
			plain = append(plain, c[0])
			i += 2
		default:
			plain = append(plain, text[i])
		}
	}
	return plain, true
}

// readMultipart reads the parts as they come, so that nothing goes to disk: the body's limit bounds
// the picture. length is what the whole body is said to have in bytes, -1 for unknown.
func readMultipart(body io.Reader, length int64, boundary string, f Form) (Upload, error) {
	if boundary == "" {
		return Upload{}, badForm("Missing boundary in multipart.", nil)
	}
	up := newUpload(f)
	form := multipart.NewReader(body, boundary)
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return up, nil
		}
		if err != nil {
			return Upload{}, malformed(err)
		}
		if parts == maxParts {
			return Upload{},
				badForm(fmt.Sprintf("The multipart body has more than %d parts", maxParts), nil)
		}
		if err := up.readPart(part, length, f); err != nil {
			return Upload{}, err
		}
	}
}

func (up *Upload) readPart(part *multipart.Part, length int64, f Form) error {
	name := part.FormName()
	if slices.Contains(f.pictures(), name) {
		return up.readPicture(part, length, slices.Contains(f.Encoded, name))
	}
	for _, field := range f.Fields {
		if field.Key == name {
			return up.readField(part, length, field)
		}
	}
	if name == "" {
		return badForm("A part of the multipart body has no name", nil)
	}
	if up.Unknown == "" {
		up.Unknown = name
	}
	return nil
}

func (up *Upload) readPicture(part *multipart.Part, length int64, encoded bool) error {
	data, err := ReadAll(part, length)
	switch {
	case err != nil:
		return malformed(err)
	case encoded && len(data) == 0:
		return nil
	case up.Picture != nil:
		return fault.New("multiple_images", "The multipart body has more than one image")
	case encoded:
		up.Picture, err = decodePicture(part.FormName(), data)
		return err
	}
	up.Picture = data
	return nil
}

func (up *Upload) readField(part *multipart.Part, length int64, f Field) error {
	limit, file := int64(f.Limit), f.MaxFile > 0 && part.FileName() != ""
	if file {
		limit = int64(f.MaxFile)
	}
	value, err := ReadAll(io.LimitReader(part, limit+1), min(length, limit))
	switch {
	case err != nil:
		return malformed(err)
	case int64(len(value)) > limit:
		const text = "The field %s is longer than the limit of %d bytes"
		return badForm(fmt.Sprintf(text, f.Key, limit), nil)
	case file && len(value) == 0: // as text it would stand for none
		return badOption(f.Key, "the file is empty (0 bytes)")
	case file:
		up.Files[f.Key] = value
	default:
		up.setText(f, value)
	}
	return nil
}

func malformed(err error) error {
	return badForm("The multipart body is malformed or ends early", err)
}

func badForm(detail string, err error) error {
	return fault.Error{Code: "bad_multipart", Detail: detail, Err: err}
}
