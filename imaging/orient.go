package imaging

// orient turns and mirrors img as EXIF orientation 1 to 8 asks.
func orient(img *Image, orientation int) *Image {
	if orientation == orientationNone {
		return img
	}
	out := &Image{Width: img.Width, Height: img.Height}
	if swapsSides(orientation) {
		out.Width, out.Height = img.Height, img.Width
	}
	out.Pix = orientPlane(img.Pix, img.Width, img.Height, 3, orientation)
	if img.Alpha != nil {
		out.Alpha = orientPlane(img.Alpha, img.Width, img.Height, 1, orientation)
	}
	return out
}

// mirrorsX and mirrorsY tell whether what is last in the file comes first in the picture, from left to right and from top to bottom.
func mirrorsX(orientation int) bool {
	return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7
}
func mirrorsY(orientation int) bool {
	return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8
}

// orientPlane goes through the file's picture in blocks, so that both it and the result stay in the processor's cache.
func orientPlane(src []uint8, width, height, channels, orientation int) []uint8 {
	const block = 32
	out := make([]uint8, len(src))
	outWidth, outHeight := width, height
	stepX, stepY := 1, width // how far apart neighbours in the file are in the result, in pixels
	if swapsSides(orientation) {
		outWidth, outHeight = height, width
		stepX, stepY = height, 1
	}
	start := 0
	if mirrorsX(orientation) {
		start += outWidth - 1
	}
	if mirrorsY(orientation) {
		start += (outHeight - 1) * outWidth
	}
	if backwards := mirrorsX(orientation); swapsSides(orientation) {
		stepY = sign(stepY, backwards)
		stepX = sign(stepX, mirrorsY(orientation))
	} else {
		stepX = sign(stepX, backwards)
		stepY = sign(stepY, mirrorsY(orientation))
	}
	inParallel((height+block-1)/block, func(from, to int) {
		for y0 := from * block; y0 < min(to*block, height); y0 += block {
			for x0 := 0; x0 < width; x0 += block {
				for y := y0; y < min(y0+block, height); y++ {
					p := src[channels*(y*width+x0) : channels*(y*width+min(x0+block, width))]
					at := channels * (start + y*stepY + x0*stepX)
					copyApart(out, at, channels*stepX, p, channels)
				}
			}
		}
	})
	return out
}

func sign(v int, negative bool) int {
	if negative {
		return -v
	}
	return v
}

// copyApart copies pixels to places that are step bytes apart.
func copyApart(out []uint8, at, step int, p []uint8, channels int) {
	if channels == 3 {
		for ; len(p) >= 3; p = p[3:] {
			q := out[at:][:3]
			q[0], q[1], q[2] = p[0], p[1], p[2]
			at += step
		}
		return
	}
	for _, v := range p {
		out[at] = v
		at += step
	}
}
