package cmd

import (
	"cmp"
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

func pictureFlag(key string) string { return strings.ReplaceAll(key, "_", "-") }

// addPictureFlags makes a flag of every option of a picture.
func addPictureFlags(flags *pflag.FlagSet) {
	for _, o := range option.Table() {
		flag := &flagText{kind: "text"}
		switch {
		case takesFile(o):
			flag.kind = "file"
		case o.Kind == option.Switch:
			flag.kind = "bool"
		}
		help := o.Help
		if o.Default != "" && o.Kind != option.Switch {
			help += " (default " + o.Default + ")"
		}
		flags.Var(flag, pictureFlag(o.Name), help)
		if o.Kind == option.Switch {
			flags.Lookup(pictureFlag(o.Name)).NoOptDefVal = "true"
		}
	}
}

// takesFile reports whether a flag names a file: a picture, or text that is too
// long for a command line.
func takesFile(o option.Option) bool { return o.Kind == option.File || o.Kind == option.Document }

// pictureOptions reads the flags. Where no format is given, the ending of file says it, which is
// that of the one result, or empty.
func pictureOptions(flags *pflag.FlagSet, file string) (option.Options, error) {
	texts, pictures := map[string]string{}, map[string][]byte{}
	for _, o := range option.Table() {
		text := flags.Lookup(pictureFlag(o.Name)).Value.String()
		if text == "" || !takesFile(o) {
			texts[o.Name] = text
			continue
		}
		data, err := optionFile(o, text)
		if err != nil {
			return option.Options{}, err
		}
		if o.Kind == option.File {
			pictures[o.Name] = data
		} else {
			texts[o.Name] = string(data)
		}
	}
	ending, err := formatOf(file)
	if err != nil {
		return option.Options{}, err
	}
	given := strings.ToLower(texts["format"])
	texts["format"] = cmp.Or(given, string(ending))
	options, err := option.ParseFiles(func(name string) string { return texts[name] }, pictures)
	if err == nil && ending != "" && options.Format != ending {
		return options,
			fmt.Errorf("-o: %s has the ending of another format than --format %s", file, given)
	}
	return options, err
}

// formatOf is the format that the ending of a result's name says, if it has one. Its error is about
// one that would promise what is not written.
func formatOf(file string) (option.OutputFormat, error) {
	ending := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	switch format := option.OutputFormat(ending); {
	case ending == "jpeg":
		return option.OutputJPEG, nil
	case format != option.OutputAuto && slices.Contains(option.FormatChoices(), format):
		return format, nil
	case ending != "":
		return "", fmt.Errorf("-o: %s: no %s is written; name a .png, .jpg, .webp or .zip, or "+
			"end it with / for a folder", file, ending)
	}
	return "", nil
}

// optionFile reads the file that a flag names.
func optionFile(o option.Option, path string) ([]byte, error) {
	limit := o.MaxText
	if o.Kind == option.File {
		limit = o.MaxFile
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", pictureFlag(o.Name), err)
	}
	if info.Size() > int64(limit) {
		return nil, fmt.Errorf("--%s: %s has %d bytes, the limit is %d",
			pictureFlag(o.Name), path, info.Size(), limit)
	}
	data, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", pictureFlag(o.Name), err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("--%s: %s is empty (0 bytes)", pictureFlag(o.Name), path)
	}
	return data, nil
}

// checkPictureOptions finds what no picture could be processed with.
func checkPictureOptions(r *imaging.Remover, o option.Options) error {
	errs := []error{r.CheckOptions(o)}
	for name, file := range o.Files() {
		if _, err := r.Inspect(file); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", pictureFlag(name), err))
		}
	}
	return errors.Join(errs...)
}
