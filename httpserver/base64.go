package httpserver

import (
	"bytes"
	"fmt"

	"bgremove/fault"
)

const (
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

	symbolSpace = 0xfd
	symbolPad   = 0xfe
	symbolNone  = 0xff

	maxDataURLPrefix = 256
	maxInputBytes    = 64 // of FieldError.Input
)

// base64Symbols gives the value of each byte in both alphabets of RFC 4648, or one of the symbols
// above.
var base64Symbols = func() (table [256]byte) {
	for i := range table {
		table[i] = symbolNone
	}
	for i := range len(base64Alphabet) {
		table[base64Alphabet[i]] = byte(i)
	}
	table['-'], table['_'] = table['+'], table['/']
	for _, c := range jsonSpace {
		table[c] = symbolSpace
	}
	table['='] = symbolPad
	return table
}()

// decodePicture decodes base64 in place: standard or URL-safe, padded or not, with or without white
// space and a data-URL prefix. Its error is a BadBody that names the field.
func decodePicture(field string, text []byte) ([]byte, error) {
	data, reason := decodeFile(text)
	if reason != "" {
		msg := fmt.Sprintf("Base64 decoding error: '%s'", reason)
		why := map[string]any{"error": reason}
		return nil, badField(field, "base64_decode", msg, excerptText(text), why)
	}
	if len(data) == 0 {
		const msg = "String should have at least 1 character"
		why := map[string]any{"min_length": 1}
		return nil, badField(field, "string_too_short", msg, excerptText(text), why)
	}
	return data, nil
}

func badField(field, kind, msg string, input any, ctx map[string]any) error {
	return BadBody(
		FieldError{Type: kind, Loc: []any{"body", field}, Msg: msg, Input: input, Ctx: ctx})
}

func excerptText(text []byte) string {
	return fault.Excerpt(string(text[:min(len(text), 2*maxInputBytes)]))
}

// decodeFile decodes base64 with or without a data-URL prefix, in place. Where it cannot, it says
// why, fit for a client, and leaves the text as it is.
func decodeFile(text []byte) (data []byte, reason string) {
	payload := text
	if bytes.HasPrefix(text, []byte("data:")) {
		header, _, ok := bytes.Cut(text[:min(len(text), maxDataURLPrefix)], []byte(","))
		if !ok || !bytes.HasSuffix(header, []byte(";base64")) {
			return nil, "a data URL must begin with data:<type>;base64,"
		}
		payload = text[len(header)+1:]
	}
	if reason := checkBase64(payload); reason != "" {
		return nil, reason
	}
	return decodeBase64(payload), ""
}

// checkBase64 says what keeps decodeBase64 from reading src; empty for nothing. Both alphabets may
// be mixed, and there may be white space anywhere. Padding may be left out, but not be wrong.
func checkBase64(src []byte) (reason string) {
	var symbols, pads int // since the last whole group of four
	for i, c := range src {
		v := base64Symbols[c]
		switch {
		case v == symbolSpace:
		case v == symbolPad && symbols+pads >= 2 && symbols+pads < 4:
			pads++
		case v >= symbolSpace, pads > 0:
			return fmt.Sprintf("invalid symbol at offset %d", i)
		default:
			symbols = (symbols + 1) % 4
		}
	}
	if symbols == 1 || pads > 0 && symbols+pads != 4 {
		return fmt.Sprintf("%d bytes are not a whole number of groups", len(src))
	}
	return ""
}

// decodeBase64 decodes what checkBase64 has found to be right, over its beginning: four symbols
// make three bytes.
func decodeBase64(src []byte) []byte {
	out := src[:0]
	var group uint32 // bits of the symbols since the last whole group of four
	var symbols int
	for _, c := range src {
		v := base64Symbols[c]
		if v >= symbolSpace {
			continue
		}
		group = group<<6 | uint32(v)
		if symbols++; symbols == 4 {
			out = append(out, byte(group>>16), byte(group>>8), byte(group))
			group, symbols = 0, 0
		}
	}
	switch symbols {
	case 2:
		out = append(out, byte(group>>4))
	case 3:
		out = append(out, byte(group>>10), byte(group>>2))
	}
	return out
}

// Base64Limit is a body limit that fits an image as base64 in short lines, with other fields around
// it; both in bytes.
func Base64Limit(image, fields int64) int64 {
	encoded := (image + 2) / 3 * 4
	return encoded + encoded/20 + fields + 64<<10
}
