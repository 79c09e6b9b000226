// Package terminal writes for people who look at a terminal: figures, tables, a progress bar. What
// a server says, and the name of a file, may hold what a terminal would obey; it is taken out. The
// package imports nothing of ours.
package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Printable returns s with a question mark for each character that a terminal would obey.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// Columns returns rows as printable lines with aligned columns.
func Columns(rows [][]string) []string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Printable(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // a buffer takes all
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, text := range lines {
		lines[i] = strings.TrimRight(text, " ")
	}
	return lines
}

// PrintColumns writes rows with aligned columns.
func PrintColumns(w io.Writer, rows [][]string) error {
	_, err := fmt.Fprintln(w, strings.Join(Columns(rows), "\n"))
	return err
}

// PrintJSON writes v as a line. It escapes DEL and the C1 control characters, which JSON may have
// and terminals obey.
func PrintJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range b.String() {
		if r >= 0x7f && r <= 0x9f {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// PrintObject writes v as indented JSON.
func PrintObject(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
