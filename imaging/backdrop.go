package imaging

// MaxBackgroundBytes bounds the file of a bg_image.
const MaxBackgroundBytes = 4 << 20

// base64 in short lines, with a data-URL prefix
const maxBackgroundText = MaxBackgroundBytes/3*4 + MaxBackgroundBytes/3*4/20 + 1<<10

// inspectBackground is Inspect for a background. A fault is an ErrOption.
func inspectBackground(file []byte, limits Limits) (Info, error) {
	limits.MaxBytes = MaxBackgroundBytes
	info, err := Inspect(file, limits)
	if err != nil {
		return Info{}, fileFault("bg_image", err)
	}
	return info, nil
}

// readBackground decodes a background and scales it to cover width×height px: RGB. What is transparent in it becomes white. A fault of the
// file is an ErrOption.
func readBackground(file []byte, limits Limits, width, height int) ([]uint8, error) {
	info, err := inspectBackground(file, limits)
	if err != nil {
		return nil, err
	}
	img, err := Decode(file, info)
	if err != nil {
		return nil, fileFault("bg_image", err)
	}
	for i, a := range img.Alpha {
		for k := range 3 {
			img.Pix[3*i+k] = over(img.Pix[3*i+k], 255, int(a))
		}
	}
	return cover(img, width, height), nil
}

// cover scales a picture so that it just fills width×height px, and cuts off evenly what reaches beyond: RGB.
func cover(img *Image, width, height int) []uint8 {
	ownWidth, ownHeight := float64(img.Width), float64(img.Height)
	scale := max(float64(width)/ownWidth, float64(height)/ownHeight)
	w, h := float64(width)/scale, float64(height)/scale
	x, y := (ownWidth-w)/2, (ownHeight-h)/2
	pix := make([]uint8, 3*width*height)
	columns := windowAxis(x, x+w, img.Width, width)
	resampleRows(columns, windowAxis(y, y+h, img.Height, height), 3, 0, func(y int, _ []uint8, dst []float32) {
		squeezeBytes(dst, img.Pix[3*y*img.Width:][:3*img.Width], columns)
	}, func(y int, v []float32) { round(pix[3*y*width:][:3*width], v) })
	return pix
}
