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

// DecodeImage reads a JSON body {"image": "<base64>", …} with options beside the image: the fields of these keys as text. Text of
// null is empty, that of a number, a list or an object is its JSON. Keys come in one order, always. Every fault is a BadBody.
func DecodeImage(data []byte, keys []string) (image []byte, fields url.Values, err error) {
	file, fields, err := decodeFields(data, keys)
	if err != nil {
		return nil, nil, err
	}
	image, err = file.Bytes("image")
	return image, fields, err
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
		if s := body.Elem().Field(i + 1).String(); s != "" {
			fields.Set(key, s)
		}
	}
	return body.Elem().Field(0).Interface().(Base64), fields, nil
}

// text is a field whose meaning is for someone else to tell.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	switch {
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	case bytes.Equal(raw, []byte("null")):
		*t = ""
	default:
		*t = text(raw)
	}
	return nil
}
