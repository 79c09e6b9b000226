// Package face is what a face of the API is made of: an interface that each satisfies, and the way
// from a request of echo's to the intake and back, which is the same for all.
package face

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging/option"
	"bgremove/proxy/intake"
)

// Face is one dialect of the API: names of routes, fields and options, and how results and faults
// are written.
type Face interface {
	// Prefix is that of the paths whose faults the face writes, as /v1; empty for those
	// that no other face has.
	Prefix() string
	// Mount adds the routes.
	Mount(e *echo.Echo)
	// WriteFault answers with f.Status. X-Error-Code and Retry-After are set already.
	WriteFault(c echo.Context, f fault.Error) error
}

// Desk is what faces work with.
type Desk struct {
	Intake *intake.Intake
	Server *httpserver.Server
}

const headerIdempotencyKey = "Idempotency-Key" // draft-ietf-httpapi-idempotency-key-header

// The headers that remove.bg answers with: both numbers are megapixels, Reset is a time in seconds
// since 1970.
const (
	headerLimit     = "X-RateLimit-Limit"
	headerRemaining = "X-RateLimit-Remaining"
	headerReset     = "X-RateLimit-Reset"
)

// Fields returns options of the intake as a form has them that goes by the same names.
func Fields(options []option.Option) []httpserver.Field {
	fields := make([]httpserver.Field, len(options))
	for i, o := range options {
		fields[i] = httpserver.Field{Key: o.Name, Limit: o.MaxText, MaxFile: o.MaxFile}
	}
	return fields
}

// Room refuses a request early, before its body is read, where the queue would refuse it. One that
// may have been sent before is looked at first.
func (d Desk) Room(c echo.Context) error {
	if c.Request().Header.Get(headerIdempotencyKey) != "" {
		return nil
	}
	return d.Intake.Room(c.Request().Context())
}

// Read takes in the body of a request, unless the queue would refuse what is in it.
func (d Desk) Read(c echo.Context, f httpserver.Form) (httpserver.Upload, error) {
	if err := d.Room(c); err != nil {
		return httpserver.Upload{}, err
	}
	return httpserver.ReadUpload(c, f)
}

// Submit queues a picture and returns the job's id. Nothing of the intake's holds the picture when
// it returns.
func (d Desk) Submit(c echo.Context, r intake.Request) (id string, err error) {
	r.IdempotencyKey = IdempotencyKey(c)
	receipt, err := d.Intake.Submit(c.Request().Context(), r)
	return Receive(c, receipt, err)
}

// IdempotencyKey returns the client's own name for the request.
func IdempotencyKey(c echo.Context) string { return c.Request().Header.Get(headerIdempotencyKey) }

// Receive tells the client what is left of its budget.
func Receive(c echo.Context, r intake.Receipt, err error) (id string, _ error) {
	if b := r.Budget; b != nil {
		header := c.Response().Header()
		header.Set(headerLimit, strconv.Itoa(b.Limit))
		header.Set(headerRemaining, strconv.FormatInt(b.Remaining, 10))
		// rounded up
		header.Set(headerReset, strconv.FormatInt(b.Reset.Add(time.Second-1).Unix(), 10))
	}
	return r.ID, err
}

// Begin queues a picture and joins those who wait for their jobs, until leave is called.
func (d Desk) Begin(c echo.Context, r intake.Request) (id string, leave func(), err error) {
	if leave, err = d.Join(c); err != nil {
		return "", nil, err
	}
	if id, err = d.Submit(c, r); err != nil {
		leave()
	}
	return id, leave, err
}

// Join counts a request, once it is whole, among those that wait, until leave is called.
func (d Desk) Join(c echo.Context) (leave func(), err error) {
	if err := d.Server.Linger(c); err != nil {
		return nil, err
	}
	return d.Intake.Join()
}

// Await joins those that wait and does so.
func (d Desk) Await(c echo.Context, id string, wait time.Duration) error {
	leave, err := d.Join(c)
	if err != nil {
		return err
	}
	defer leave()
	return d.Intake.Await(c.Request().Context(), id, wait)
}
