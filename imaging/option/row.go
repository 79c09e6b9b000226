package option

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bgremove/imaging/picture"
)

const maxShortText = 1 << 10 // bytes of an option that is no file

// textRow is of a notation of its own. check is nil where parse says all that can be wrong.
func textRow(
	o Option, parse func(*Options, string) error, text func(Options) string,
	check func(Options) error,
) row {
	o.Kind, o.MaxText = Text, maxShortText
	return row{o, parse, text, check, nil}
}

// switchRow is of what is false unless it is asked for.
func switchRow(o Option, field func(*Options) *bool) row {
	o.Kind, o.Values, o.Default, o.MaxText = Switch, []string{"true", "false"},
		"false", maxShortText
	return row{
		Option: o,
		parse: func(opts *Options, s string) (err error) {
			*field(opts), err = parseSwitch(o.Name, s)
			return err
		},
		text: func(opts Options) string { return switchText(*field(&opts)) },
	}
}

// choiceRow is of one of several words. Aliases are other words for some of them.
func choiceRow[T ~string](o Option, values []T, aliases map[string]T, field func(*Options) *T) row {
	o.Kind, o.Values, o.MaxText = Choice, words(values), maxShortText
	check := func(opts Options) error { return checkChoice(o.Name, *field(&opts), values) }
	return row{
		Option: o,
		parse: func(opts *Options, s string) error {
			*field(opts) = cmp.Or(aliases[s], T(s))
			return check(*opts)
		},
		text:  func(opts Options) string { return string(*field(&opts)) },
		check: check,
	}
}

// fileRow is of a picture of at most MaxFile bytes. Its text may be base64 in short lines, with a
// data-URL prefix.
func fileRow(o Option, field func(*Options) *[]byte) row {
	o.Kind, o.MaxText = File, o.MaxFile/3*4+o.MaxFile/3*4/20+1<<10
	return row{
		Option: o,
		parse: func(opts *Options, s string) (err error) {
			*field(opts), err = parseFileText(o.Name, s, o.MaxFile)
			return err
		},
		text:  func(opts Options) string { return FileText(*field(&opts)) },
		check: func(opts Options) error { return checkFile(o.Name, *field(&opts), o.MaxFile) },
		file:  field,
	}
}

// checkChoice takes the empty word for none.
func checkChoice[T ~string](name string, v T, values []T) error {
	if v == "" || slices.Contains(values, v) {
		return nil
	}
	return fmt.Errorf("%w: %s: must be %s, is %.64q",
		picture.ErrOption, name, list(words(values)), string(v))
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
	return false, fmt.Errorf("%w: %s: must be true, false, 1 or 0, is %.64q",
		picture.ErrOption, name, s)
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
