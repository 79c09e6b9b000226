package option

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bgremove/imaging/picture"
)

const maxShortText = 1 << 10 // bytes of an option that is no file

// textRow is of a notation of its own. check is nil where parse says all that can be wrong.
func textRow(
	name, help string, values []string, parse func(*Options, string) error, text func(Options) string, check func(Options) error,
) row {
	return row{Option{Name: name, Kind: Text, Values: values, Help: help, MaxText: maxShortText}, parse, text, check, nil}
}

// switchRow is of what is false unless it is asked for.
func switchRow(name, help string, field func(*Options) *bool) row {
	return row{
		Option: Option{
			Name: name, Kind: Switch, Values: []string{"true", "false"}, Default: "false", Help: help, MaxText: maxShortText,
		},
		parse: func(o *Options, s string) (err error) { *field(o), err = parseSwitch(name, s); return err },
		text:  func(o Options) string { return switchText(*field(&o)) },
	}
}

// choiceRow is of one of several words.
func choiceRow[T ~string](name, help string, values []T, byDefault string, field func(*Options) *T) row {
	check := func(o Options) error { return checkChoice(name, *field(&o), values) }
	return row{
		Option: choice(name, help, values, byDefault),
		parse:  func(o *Options, s string) error { *field(o) = T(s); return check(*o) },
		text:   func(o Options) string { return string(*field(&o)) },
		check:  check,
	}
}

func choice[T ~string](name, help string, values []T, byDefault string) Option {
	return Option{Name: name, Kind: Choice, Values: words(values), Default: byDefault, Help: help, MaxText: maxShortText}
}

// fileRow is of a picture of at most so many bytes. Its text may be base64 in short lines, with a
// data-URL prefix.
func fileRow(name, help string, most int, field func(*Options) *[]byte) row {
	return row{
		Option: Option{Name: name, Kind: File, Help: help, MaxText: most/3*4 + most/3*4/20 + 1<<10, MaxFile: most},
		parse:  func(o *Options, s string) (err error) { *field(o), err = parseFileText(name, s, most); return err },
		text:   func(o Options) string { return FileText(*field(&o)) },
		check:  func(o Options) error { return checkFile(name, *field(&o), most) },
		file:   field,
	}
}

// checkChoice takes the empty word for none.
func checkChoice[T ~string](name string, v T, values []T) error {
	if v == "" || slices.Contains(values, v) {
		return nil
	}
	return fmt.Errorf("%w: %s: must be %s, is %.64q", picture.ErrOption, name, list(words(values)), string(v))
}

func words[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// list reads as in "a, b or c".
func list(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func parseSwitch(name, s string) (bool, error) {
	switch s {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%w: %s: must be true, false, 1 or 0, is %.64q", picture.ErrOption, name, s)
}

func switchText(v bool) string {
	if !v {
		return ""
	}
	return "true"
}

// numberText returns an empty text for 0, which stands for the default.
func numberText(v float64, unit string) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + unit
}
