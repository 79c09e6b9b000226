package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Base64 is a field of a JSON body that holds an image: standard or URL-safe base64, padded or not, with or without white
// space and a data-URL prefix. Bytes says what is wrong with it, as only the caller knows whether it is required.
type Base64 struct {
	data  []byte
	fault *FieldError // without Loc
	null  bool
}

// DecodeJSON reads a body into the struct that dst points to. Unknown fields are ignored, names are matched without regard to
// case, of two equal ones the last counts. Every fault of the body is a BadBody.
func DecodeJSON(data []byte, dst any) error {
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0, bytes.Equal(trimmed, []byte("null")):
		return Missing("body")
	case !utf8.Valid(data):
		return jsonInvalid(firstInvalid(data), "Invalid UTF-8")
	}
	err := json.Unmarshal(data, dst)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return jsonInvalid(int(syntax.Offset), "Invalid, incomplete or too deeply nested JSON")
	case errors.As(err, &wrong):
		return wrongType(wrong, trimmed)
	}
	return err
}

// unknownName is the first name of a field of a JSON object that is none of the known ones, as DecodeJSON matches them; empty for none.
// The object must be valid.
func unknownName(object []byte, known []string) string {
	depth := 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := i + stringLength(object[i:])
			if after := bytes.TrimLeft(object[end:], " \t\r\n"); depth == 1 && len(after) > 0 && after[0] == ':' {
				var name string
				_ = json.Unmarshal(object[i:end], &name) // it is valid
				if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
					return name
				}
			}
			i = end - 1
		}
	}
	return ""
}

// stringLength is that of the JSON string which begins here, with its quotes.
func stringLength(s []byte) int {
	for i := 1; i < len(s); i++ {
		i += bytes.IndexByte(s[i:], '"')
		if before := s[1:i]; (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 0 {
			return i + 1
		}
	}
	return len(s)
}

// firstInvalid is the offset of the first byte that is not UTF-8.
func firstInvalid(data []byte) int {
	return len(data) - len(bytes.TrimLeftFunc(data, func(r rune) bool { return r != utf8.RuneError }))
}

func jsonInvalid(offset int, reason string) Fault {
	return BadBody(FieldError{
		Type: "json_invalid", Loc: []any{"body", offset}, Msg: "JSON decode error",
		Input: map[string]any{}, Ctx: map[string]any{"error": reason},
	})
}

func wrongType(err *json.UnmarshalTypeError, body []byte) Fault {
	if err.Field == "" {
		return BadBody(FieldError{
			Type: "model_attributes_type", Loc: []any{"body"}, Input: excerptJSON(body),
			Msg: "Input should be a valid dictionary or object to extract fields from",
		})
	}
	name, sentence := pydanticType(err.Type)
	loc := []any{"body"}
	for part := range strings.SplitSeq(err.Field, ".") {
		loc = append(loc, part)
	}
	// Value is the kind of what was sent, or a number; the value itself is not kept by encoding/json.
	return BadBody(FieldError{Type: name, Loc: loc, Msg: sentence, Input: Excerpt(err.Value)})
}

func pydanticType(t reflect.Type) (name, sentence string) {
	switch t.Kind() {
	case reflect.String:
		return "string_type", "Input should be a valid string"
	case reflect.Bool:
		return "bool_type", "Input should be a valid boolean"
	case reflect.Int, reflect.Int64:
		return "int_type", "Input should be a valid integer"
	case reflect.Float64:
		return "float_type", "Input should be a valid number"
	case reflect.Slice:
		return "list_type", "Input should be a valid list"
	}
	return "model_attributes_type", "Input should be a valid dictionary or object to extract fields from"
}

// excerptJSON is a short valid value as it was sent, and the beginning of a long one as a string.
func excerptJSON(raw []byte) any {
	if len(raw) <= maxInputBytes {
		return json.RawMessage(bytes.Clone(raw))
	}
	return excerptText(raw)
}
