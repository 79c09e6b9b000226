package v1

import (
	"mime"
	"slices"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging/option"
	"bgremove/proxy/face"
	"bgremove/proxy/intake"
)

// refineJob makes a new job of another's picture and options, with those of the request in place of
// some.
func (v v1) refineJob(c echo.Context) error {
	r, err := readRefinement(c)
	if err != nil {
		return err
	}
	receipt, err := v.Intake.Refine(c.Request().Context(), c.Param("id"), r)
	return v.accepted(c, receipt, err)
}

// readRefinement reads options, of a JSON object or, where they are not there, of the query. Those
// that are null are not given, those that are "" are to be taken away.
func readRefinement(c echo.Context) (r intake.Refinement, err error) {
	table := slices.DeleteFunc(intake.Table(), func(o option.Option) bool {
		return o.Name == intake.KeyImageURL
	})
	keys := make([]string, len(table))
	for i, o := range table {
		keys[i] = o.Name
	}
	query, err := queryOf(c, keys...)
	if err != nil {
		return r, err
	}
	if t := c.Request().Header.Get(echo.HeaderContentType); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil ||
			media != echo.MIMEApplicationJSON {
			const text = "Content-Type must be application/json, is %q"
			return r, fault.New("unsupported_media_type", text, fault.Excerpt(t))
		}
	}
	up, err := httpserver.ReadJSON(c, httpserver.Form{Fields: face.Fields(table)})
	switch {
	case err != nil:
		return r, err
	case up.Unknown != "":
		return r, unknownOption(up.Unknown, keys)
	}
	for key := range query {
		if _, ok := up.Files[key]; !ok && !up.Texts.Has(key) {
			up.Texts.Set(key, query.Get(key))
		}
	}
	return intake.Refinement{
		Texts: up.Texts, Files: up.Files, IdempotencyKey: face.IdempotencyKey(c),
	}, nil
}
