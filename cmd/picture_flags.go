package cmd

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"bgremove/imaging"
	"bgremove/imaging/option"
)

const strokesKey = "strokes" // text of the API, but too long for a command line

// pictureHelp says what an option does; one that is not here has a flag all the same.
func pictureHelp(key string) string {
	help := map[string]string{
		"roi":         "rectangle that holds the subject: 'x1 y1 x2 y2' in px or %",
		"mask":        "picture that says where the subject is, of the size of each picture",
		strokesKey:    "strokes that say what to keep and drop, as JSON",
		"engine":      "fast or opencv (default imaging.engine)",
		"channels":    "rgba, or alpha for the matte alone",
		"format":      "auto, png, jpg, webp or zip",
		"quality":     "1 to 100, of JPEG and WebP",
		"bg_color":    "colour to put behind the subject, such as white or #81d4fa",
		"bg_image":    "picture to put behind the subject",
		"crop":        "cut the result to the subject",
		"crop_margin": "what to leave free around the cropped subject, such as 20px or 5%",
		"scale":       "how much of the result the subject takes, 10% to 100%",
		"position":    "where the subject stands, such as center or '50% 100%'",
		"size":        "most megapixels of the result, or preview, hd, 4k ...",
		"shadow":      "draw a shadow beneath the subject",
	}[key]
	return cmp.Or(help, "the API's option "+key)
}

func pictureFlag(key string) string { return strings.ReplaceAll(key, "_", "-") }

// addPictureFlags makes a flag of every option that there is.
func addPictureFlags(flags *pflag.FlagSet) {
	for _, key := range option.Keys() {
		kind := "text"
		switch {
		case takesFile(key):
			kind = "file"
		case isSwitch(key):
			kind = "bool"
		}
		flags.Var(&flagText{kind: kind}, pictureFlag(key), pictureHelp(key))
		if kind == "bool" {
			flags.Lookup(pictureFlag(key)).NoOptDefVal = "true"
		}
	}
}

func takesFile(key string) bool {
	_, ok := option.FileLimit(key)
	return ok || key == strokesKey
}

// isSwitch finds an option that is true or false by trying: the table of options has no kinds.
func isSwitch(key string) bool {
	takes := func(text string) bool {
		_, err := option.Parse(func(k string) string {
			if k == key {
				return text
			}
			return ""
		})
		return err == nil
	}
	return takes("true") && takes("false")
}

// pictureOptions reads the flags. Where no format is given, the ending of file says it, which is that of the one result, or empty.
func pictureOptions(flags *pflag.FlagSet, file string) (option.Options, error) {
	texts := map[string]string{}
	for _, key := range option.Keys() {
		text := flags.Lookup(pictureFlag(key)).Value.String()
		if text != "" && takesFile(key) {
			var err error
			if text, err = optionFile(key, text); err != nil {
				return option.Options{}, err
			}
		}
		texts[key] = text
	}
	ending, err := formatOf(file)
	if err != nil {
		return option.Options{}, err
	}
	given := strings.ToLower(texts["format"])
	texts["format"] = cmp.Or(given, string(ending))
	options, err := option.Parse(func(key string) string { return texts[key] })
	if err == nil && ending != "" && options.Format != ending {
		return options, fmt.Errorf("-o: %s has the ending of another format than --format %s", file, given)
	}
	return options, err
}

// formatOf is the format that the ending of a result's name says, if it has one. Its error is about one that would promise what is not written.
func formatOf(file string) (option.OutputFormat, error) {
	ending := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	switch format := option.OutputFormat(ending); {
	case ending == "jpeg":
		return option.OutputJPEG, nil
	case format != option.OutputAuto && slices.Contains(option.FormatChoices(), format):
		return format, nil
	case ending != "":
		return "", fmt.Errorf("-o: %s: no %s is written; name a .png, .jpg, .webp or .zip, or end it with / for a folder", file, ending)
	}
	return "", nil
}

// optionFile is a file as the text that the option takes.
func optionFile(key, path string) (string, error) {
	limit, isPicture := option.FileLimit(key)
	if !isPicture {
		limit, _ = option.Limit(key)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", pictureFlag(key), err)
	}
	if info.Size() > int64(limit) {
		return "", fmt.Errorf("--%s: %s has %d bytes, the limit is %d", pictureFlag(key), path, info.Size(), limit)
	}
	data, err := os.ReadFile(filepath.Clean(path))
	switch {
	case err != nil:
		return "", fmt.Errorf("--%s: %w", pictureFlag(key), err)
	case len(data) == 0:
		return "", fmt.Errorf("--%s: %s is empty (0 bytes)", pictureFlag(key), path)
	case isPicture:
		return base64.StdEncoding.EncodeToString(data), nil
	}
	return string(data), nil
}

// checkPictureOptions finds what no picture could be processed with.
func checkPictureOptions(r *imaging.Remover, o option.Options) error {
	errs := []error{r.CheckOptions(o)}
	for _, file := range []struct {
		key  string
		data []byte
	}{{"mask", o.Mask}, {"bg_image", o.BackgroundImage}} {
		if file.data == nil {
			continue
		}
		if _, err := r.Inspect(file.data); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", pictureFlag(file.key), err))
		}
	}
	return errors.Join(errs...)
}
