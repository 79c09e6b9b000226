package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"unicode/utf8"

	"bgremove/fault"
)

const jsonSpace = " \t\r\n"

// checkObject returns a BadBody unless data is a JSON object.
func checkObject(data []byte) error {
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0, bytes.Equal(trimmed, []byte("null")):
		return Missing("body")
	case !utf8.Valid(data):
		return jsonInvalid(firstInvalid(data), "Invalid UTF-8")
	case !json.Valid(data):
		var syntax *json.SyntaxError
		errors.As(json.Unmarshal(data, &struct{}{}), &syntax)
		return jsonInvalid(int(syntax.Offset), "Invalid, incomplete or too deeply nested JSON")
	case trimmed[0] != '{':
		return BadBody(FieldError{
			Type: "model_attributes_type", Loc: []any{"body"}, Input: excerptJSON(trimmed),
			Msg: "Input should be a valid dictionary or object to extract fields from",
		})
	}
	return nil
}

// members yields the names of an object's members and their values as they were sent. The object
// must be valid. A value is its user's to change.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		rest := bytes.TrimLeft(object, jsonSpace+"{")
		for len(rest) > 0 && rest[0] == '"' {
			n := stringLength(rest)
			var name string
			_ = json.Unmarshal(rest[:n], &name) // it is valid
			rest = bytes.TrimLeft(rest[n:], jsonSpace+":")
			n = valueLength(rest)
			value := rest[:n:n]
			rest = bytes.TrimLeft(rest[n:], jsonSpace+",")
			if !yield(name, value) {
				return
			}
		}
	}
}

// valueLength returns the length of the JSON value that begins here.
func valueLength(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringLength(s[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 { // of the object around it
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// stringLength returns that of the JSON string which begins here, with its quotes.
func stringLength(s []byte) int {
	for i := 1; i < len(s); i++ {
		i += bytes.IndexByte(s[i:], '"')
		if before := s[1:i]; (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 0 {
			return i + 1
		}
	}
	return len(s)
}

// unquoted returns the text of a JSON string: the bytes themselves where there are no escapes.
// Escapes are rare but real: PHP writes "\/", .NET "\u002B". Only they cost a copy.
func unquoted(value []byte) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	var s string
	_ = json.Unmarshal(value, &s) // it is valid
	return []byte(s)
}

// firstInvalid returns the offset of the first byte that is not UTF-8.
func firstInvalid(data []byte) int {
	return len(data) - len(
		bytes.TrimLeftFunc(data, func(r rune) bool { return r != utf8.RuneError }))
}

func jsonInvalid(offset int, reason string) fault.Error {
	return BadBody(FieldError{
		Type: "json_invalid", Loc: []any{"body", offset}, Msg: "JSON decode error",
		Input: map[string]any{}, Ctx: map[string]any{"error": reason},
	})
}

// excerptJSON returns a short valid value as it was sent, and the beginning of a long one as a
// string.
func excerptJSON(raw []byte) any {
	if len(raw) <= maxInputBytes {
		return json.RawMessage(bytes.Clone(raw))
	}
	return excerptText(raw)
}
