package compose

import (
	"bgremove/imaging/codec"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// readBackground decodes a background; what it returns writes a row of it, scaled to
// cover width×height px: RGB. What is transparent in it becomes white. A fault of
// the file is an ErrOption.
func readBackground(
	file []byte, limits picture.Limits, width, height int,
) (row func(y int, dst []uint8), err error) {
	info, err := option.InspectBackground(file, limits)
	if err != nil {
		return nil, err
	}
	img, err := codec.Decode(file, info)
	if err != nil {
		return nil, option.FileFault("bg_image", err)
	}
	for i, a := range img.Alpha {
		for k := range 3 {
			img.Pix[3*i+k] = over(img.Pix[3*i+k], 255, int(a))
		}
	}
	img.Alpha = nil
	return cover(img, width, height), nil
}

// cover scales a picture so that it just fills width×height px, and cuts off evenly what reaches
// beyond. What it returns writes a row of that, RGB.
func cover(img *picture.Image, width, height int) func(y int, dst []uint8) {
	ownWidth, ownHeight := float64(img.Width), float64(img.Height)
	scale := max(float64(width)/ownWidth, float64(height)/ownHeight)
	w, h := float64(width)/scale, float64(height)/scale
	x, y := (ownWidth-w)/2, (ownHeight-h)/2
	columns := picture.WindowAxis(x, x+w, img.Width, width)
	s := &picture.RowScaler{
		columns, picture.WindowAxis(y, y+h, img.Height, height), 3, 0,
		func(y int, _ []uint8, dst []float32) {
			picture.SqueezeBytes(dst, img.Pix[3*y*img.Width:][:3*img.Width], columns)
		},
	}
	return s.Each(picture.Round)
}
