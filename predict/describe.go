package predict

import (
	"fmt"
	"net/http"
	"strconv"

	"bgremove/imaging"
	"bgremove/resultheader"
)

// The sides of the picture that was sent. A server of an earlier version leaves them out.
const (
	headerInputWidth  = "X-Input-Width"
	headerInputHeight = "X-Input-Height"
)

// describe sets the headers that describe a result.
func describe(header http.Header, r imaging.Result) error {
	header.Set(headerInputWidth, strconv.Itoa(r.Input.Width))
	header.Set(headerInputHeight, strconv.Itoa(r.Input.Height))
	if len(r.Stages) > 0 {
		header.Set(headerTiming, writeTiming(r.Stages))
	}
	if err := resultheader.Set(header, r); err != nil {
		return fmt.Errorf("%w: %w", ErrInternal, err)
	}
	return nil
}

// readDescription reads them; what is no predictor's is an ErrUnavailable.
func readDescription(header http.Header) (imaging.Result, error) {
	r, err := resultheader.Read(header)
	if err != nil {
		err = fmt.Errorf("%w: the answer is not a predictor's: %w", ErrUnavailable, err)
		return imaging.Result{}, err
	}
	r.Input.Width, _ = strconv.Atoi(header.Get(headerInputWidth))
	r.Input.Height, _ = strconv.Atoi(header.Get(headerInputHeight))
	r.Stages = readTiming(header.Values(headerTiming))
	return r, nil
}
