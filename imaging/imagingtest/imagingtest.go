// Package imagingtest has the files and request bodies that the tests of several packages send.
package imagingtest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// File is a file of the repository's test data, for the tests of a package at the
// top of the repository.
func File(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// BadImage is a file that every server must answer with this status and code, in words
// that begin with Message.
type BadImage struct {
	Name, Data string
	Status     int
	Code       string
	Message    string
}

// BadImages are no images, images cut short, and headers of 60000×60000 px.
func BadImages(t testing.TB) []BadImage {
	t.Helper()
	const noImage, unsupported = "unsupported_format", "unsupported image format: "
	bad := []BadImage{
		{"one byte", "\x00", 415, noImage, unsupported},
		{"text", "hello", 415, noImage, unsupported},
		{"HTML", "<!doctype html><html></html>", 415, noImage, unsupported},
		{"SVG", "<svg xmlns='http://www.w3.org/2000/svg'/>", 415, noImage, unsupported},
		{"PDF", "%PDF-1.7\n", 415, noImage, unsupported},
		{"ZIP", "PK\x03\x04" + strings.Repeat("\x00", 40), 415, noImage, unsupported},
		{"zeros", strings.Repeat("\x00", 4096), 415, noImage, unsupported},
		{"JSON as an image", `{"image":"AAAA"}`, 415, noImage, unsupported},
		{"PNG without size", "\x89PNG\r\n\x1a\n", 422, "corrupt_image", "png: corrupt image: "},
	}
	for format, name := range map[string]string{
		"PNG": "scene.png", "JPEG": "jpeg-baseline.jpg", "GIF": "gif-plain.gif",
		"BMP": "bmp-rgb.bmp", "TIFF": "tiff-rgb.tif",
		"WebP": "webp-lossy.webp", "PNM": "pnm-p6.ppm",
	} {
		whole := File(t, name)
		for _, kept := range []int{len(whole) / 2, 16} {
			bad = append(bad, BadImage{
				fmt.Sprintf("%s, first %d bytes", format, kept), whole[:kept], 422, "corrupt_image",
				strings.ToLower(format) + ": corrupt image: ",
			})
		}
	}
	for format, data := range bombs() {
		bad = append(bad,
			BadImage{"bomb " + format, data, 413, "too_large", "image too large: 60000×60000 px"})
	}
	return bad
}

func be32(v uint32) string { return string(binary.BigEndian.AppendUint32(nil, v)) }
func le32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }
func le16(v uint16) string { return string(binary.LittleEndian.AppendUint16(nil, v)) }

// bombs are headers of 60000×60000 px, by format.
func bombs() map[string]string {
	ihdr := "IHDR" + be32(60000) + be32(60000) + "\x08\x06\x00\x00\x00"
	tiff := "II*\x00" + le32(8) + le16(2)
	for _, tag := range []uint16{256, 257} {
		tiff += le16(tag) + le16(4) + le32(1) + le32(60000)
	}
	return map[string]string{
		"PNG": "\x89PNG\r\n\x1a\n" + be32(13) + ihdr + be32(crc32.ChecksumIEEE([]byte(ihdr))),
		"JPEG": "\xff\xd8\xff\xc0\x00\x11\x08\xea\x60\xea\x60" +
			"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01",
		"GIF": "GIF89a" + le16(60000) + le16(60000) + "\x00\x00\x00",
		"BMP": "BM" + le32(1000) + le32(0) + le32(54) + le32(40) + le32(60000) + le32(60000) +
			le16(1) + le16(24) + strings.Repeat("\x00", 24),
		"TIFF": tiff + le32(0),
		// VP8X holds each side less one in three bytes.
		"WebP": "RIFF" + le32(22) + "WEBPVP8X" + le32(10) + strings.Repeat("\x00", 4) +
			le32(59999)[:3] + le32(59999)[:3],
		"PNM": "P6 60000 60000 255\n",
	}
}

// BadBody is a JSON body that must be answered 422; Field is "type loc.loc" of the first of
// FastAPI's field errors.
type BadBody struct{ Name, Body, Field string }

// BadBodies are bodies in place of the seed's {"image": "<base64>"}.
func BadBodies() []BadBody {
	const invalid, image, notObject = "json_invalid body.", "body.image",
		"model_attributes_type body"
	return []BadBody{
		{"empty", ``, "missing body"},
		{"null", `null`, "missing body"},
		{"no image", `{}`, "missing " + image},
		{"list", `[]`, notObject},
		{"number", `1`, notObject},
		{"string", `"image"`, notObject},
		{"image null", `{"image":null}`, "string_type " + image},
		{"image number", `{"image":1e308}`, "string_type " + image},
		{"image list", `{"image":["AAAA"]}`, "string_type " + image},
		{"image object", `{"image":{}}`, "string_type " + image},
		{"image empty", `{"image":""}`, "string_too_short " + image},
		{"image not base64", `{"image":"%%%"}`, "base64_decode " + image},
		{"image cut base64", `{"image":"AAAAA"}`, "base64_decode " + image},
		{"data URL not base64", `{"image":"data:text/html,<p>"}`, "base64_decode " + image},
		{"NaN", `{"image":NaN}`, invalid + "10"},
		{"Infinity", `{"image":-Infinity}`, invalid + "11"},
		{"single quotes", `{'image':'AAAA'}`, invalid + "2"},
		{"cut off", `{"image":"AAAA`, invalid + "14"},
		{"trailing", `{"image":"AAAA"}{}`, invalid + "17"},
		{"deep list", strings.Repeat("[", 100_000), invalid + "10001"},
		{"deep object", strings.Repeat(`{"a":`, 100_000), invalid + "50001"},
		{"many keys", `{` + strings.Repeat(`"a":[],`, 100_000) + `"b":1}`, "missing " + image},
		{"not UTF-8", "{\"image\":\"\xc3\x28\"}", invalid + "10"},
		{"UTF-16", "\xff\xfe{\x00}\x00", invalid + "0"},
	}
}
