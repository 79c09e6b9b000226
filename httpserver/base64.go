package httpserver

import (
	"bytes"
	"encoding/json"
	"fmt"
)

const (
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

	symbolSpace = 0xfd
	symbolPad   = 0xfe
	symbolNone  = 0xff

	maxDataURLPrefix = 256
)

// base64Symbols gives the value of each byte in both alphabets of RFC 4648, or one of the symbols above.
var base64Symbols = func() (table [256]byte) {
	for i := range table {
		table[i] = symbolNone
	}
	for i := range len(base64Alphabet) {
		table[base64Alphabet[i]] = byte(i)
	}
	table['-'], table['_'] = table['+'], table['/']
	for _, c := range " \t\r\n" {
		table[c] = symbolSpace
	}
	table['='] = symbolPad
	return table
}()

// UnmarshalJSON implements json.Unmarshaler. It never fails: Bytes tells.
func (b *Base64) UnmarshalJSON(raw []byte) error {
	*b = Base64{null: bytes.Equal(raw, []byte("null"))}
	if raw[0] != '"' {
		b.fault = &FieldError{Type: "string_type", Msg: "Input should be a valid string", Input: excerptJSON(raw)}
		return nil
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		// Escapes are rare but real: PHP writes "\/", .NET "\u002B". Only they cost another copy.
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		text = []byte(s)
	}
	b.data, b.fault = decodeImage(text)
	return nil
}

// Bytes are the decoded image, or a BadBody that names the field where it is absent, empty or not base64.
func (b Base64) Bytes(field string) ([]byte, error) {
	if b.fault != nil {
		fault := *b.fault
		fault.Loc = []any{"body", field}
		return nil, BadBody(fault)
	}
	if b.data == nil {
		return nil, Missing("body", field)
	}
	return b.data, nil
}

func decodeImage(text []byte) ([]byte, *FieldError) {
	payload := text
	if bytes.HasPrefix(text, []byte("data:")) {
		header, _, ok := bytes.Cut(text[:min(len(text), maxDataURLPrefix)], []byte(","))
		if !ok || !bytes.HasSuffix(header, []byte(";base64")) {
			return nil, badBase64(text, "a data URL must begin with data:<type>;base64,")
		}
		payload = text[len(header)+1:]
	}
	data, err := decodeBase64(payload)
	if err != nil {
		return nil, badBase64(text, err.Error())
	}
	if len(data) == 0 {
		return nil, &FieldError{
			Type: "string_too_short", Msg: "String should have at least 1 character", Input: excerptText(text),
			Ctx: map[string]any{"min_length": 1},
		}
	}
	return data, nil
}

func badBase64(text []byte, reason string) *FieldError {
	return &FieldError{
		Type: "base64_decode", Msg: fmt.Sprintf("Base64 decoding error: '%s'", reason), Input: excerptText(text),
		Ctx: map[string]any{"error": reason},
	}
}

func excerptText(text []byte) string { return Excerpt(string(text[:min(len(text), 2*maxInputBytes)])) }

// decodeBase64 takes both alphabets and white space anywhere. Padding may be left out, but not be wrong.
// Its errors are fit for a client.
func decodeBase64(src []byte) ([]byte, error) {
	out := make([]byte, 0, len(src)/4*3+3)
	var group uint32 // bits of the symbols since the last whole group of four
	var symbols, pads int
	for i, c := range src {
		v := base64Symbols[c]
		switch {
		case v == symbolSpace:
		case v == symbolPad && symbols+pads >= 2 && symbols+pads < 4:
			pads++
		case v >= symbolSpace, pads > 0:
			return nil, fmt.Errorf("invalid symbol at offset %d", i)
		default:
			group = group<<6 | uint32(v)
			if symbols++; symbols == 4 {
				out = append(out, byte(group>>16), byte(group>>8), byte(group))
				group, symbols = 0, 0
			}
		}
	}
	switch {
	case symbols == 1, pads > 0 && symbols+pads != 4:
		return nil, fmt.Errorf("%d bytes are not a whole number of groups", len(src))
	case symbols == 2:
		out = append(out, byte(group>>4))
	case symbols == 3:
		out = append(out, byte(group>>10), byte(group>>2))
	}
	return out, nil
}

// Base64Limit is a body limit that fits an image as base64 in short lines, with other fields around it; both in bytes.
func Base64Limit(image, fields int64) int64 {
	encoded := (image + 2) / 3 * 4
	return encoded + encoded/20 + fields + 64<<10
}
