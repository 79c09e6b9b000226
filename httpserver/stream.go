package httpserver

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

// WriteJSON answers 200 with a document made of parts: a string is JSON as it stands, a []byte a
// base64 string, or null where it is nil. Images are encoded as they are written, so a large one is
// not held a second time.
func WriteJSON(c echo.Context, parts ...any) error {
	length := 0
	for _, part := range parts {
		switch p := part.(type) {
		case string:
			length += len(p)
		case []byte:
			length += base64Length(p)
		default:
			return fmt.Errorf("write JSON: a part of type %T", part)
		}
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	header.Set(echo.HeaderContentLength, strconv.Itoa(length))
	c.Response().WriteHeader(http.StatusOK)
	for _, part := range parts {
		var err error
		switch p := part.(type) {
		case string:
			_, err = io.WriteString(c.Response(), p)
		case []byte:
			err = writeBase64(c.Response(), p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func base64Length(data []byte) int {
	if data == nil {
		return len("null")
	}
	return len(`""`) + base64.StdEncoding.EncodedLen(len(data))
}

func writeBase64(w io.Writer, data []byte) error {
	if data == nil {
		_, err := io.WriteString(w, "null")
		return err
	}
	if _, err := io.WriteString(w, `"`); err != nil {
		return err
	}
	enc := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := enc.Write(data); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, `"`)
	return err
}
