package httpserver

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"

	"github.com/labstack/echo/v4"
)

// ReadImage reads the request's body, whatever its Content-Type says, as DecodeImage does.
func ReadImage(c echo.Context, keys []string) (image []byte, fields url.Values, err error) {
	data, err := ReadBody(c)
	if err != nil {
		return nil, nil, err
	}
	return DecodeImage(data, keys)
}

// DecodeImage reads a JSON body {"image": "<base64>", …} with options beside the image: the fields of these keys as text. One that is null is
// absent, the text of a number, a list or an object is its JSON. Every fault is a BadBody.
func DecodeImage(data []byte, keys []string) (image []byte, fields url.Values, err error) {
	file, fields, err := decodeFields(data, keys)
	if err != nil {
		return nil, nil, err
	}
	image, err = file.Bytes("image")
	return image, fields, err
}

// ReadFields reads a body that is a JSON object with fields of these keys, as DecodeImage reads them. unknown is the name of the first that has
// another; empty for none.
func ReadFields(c echo.Context, keys []string) (fields url.Values, unknown string, err error) {
	data, err := ReadBody(c)
	if err != nil {
		return nil, "", err
	}
	if _, fields, err = decodeFields(data, keys); err != nil {
		return nil, "", err
	}
	return fields, unknownName(data, keys), nil
}

// decodeFields is DecodeImage where the image may be absent.
func decodeFields(data []byte, keys []string) (image Base64, fields url.Values, err error) {
	// A struct made of the keys has encoding/json go over the body once and copy nothing but the options.
	parts := []reflect.StructField{{Name: "Image", Type: reflect.TypeFor[Base64](), Tag: `json:"image"`}}
	for i, key := range keys {
		tag := reflect.StructTag("json:" + strconv.Quote(key))
		parts = append(parts, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: reflect.TypeFor[text](), Tag: tag})
	}
	body := reflect.New(reflect.StructOf(parts))
	if err := DecodeJSON(data, body.Interface()); err != nil {
		return Base64{}, nil, err
	}
	fields = url.Values{}
	for i, key := range keys {
		if t := body.Elem().Field(i + 1).Interface().(text); t.given {
			fields.Set(key, t.text)
		}
	}
	return body.Elem().Field(0).Interface().(Base64), fields, nil
}

// text is a field whose meaning is for someone else to tell.
type text struct {
	text  string
	given bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	switch {
	case raw[0] == '"':
		t.given = true
		return json.Unmarshal(raw, &t.text)
	case bytes.Equal(raw, []byte("null")):
		*t = text{}
	default:
		*t = text{string(raw), true}
	}
	return nil
}
