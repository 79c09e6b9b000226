package imaging

import (
	"fmt"

	"gocv.io/x/gocv"
)

// orient turns and mirrors img as EXIF orientation 1 to 8 asks.
func orient(img *Image, orientation int) (*Image, error) {
	if orientation == orientationNone {
		return img, nil
	}
	out := &Image{Width: img.Width, Height: img.Height}
	if swapsSides(orientation) {
		out.Width, out.Height = img.Height, img.Width
	}
	var err error
	if out.Pix, err = orientPlane(img.Pix, img.Width, img.Height, gocv.MatTypeCV8UC3, orientation); err != nil {
		return nil, err
	}
	if img.Alpha != nil {
		out.Alpha, err = orientPlane(img.Alpha, img.Width, img.Height, gocv.MatTypeCV8UC1, orientation)
	}
	return out, err
}

func orientPlane(plane []uint8, width, height int, kind gocv.MatType, orientation int) ([]uint8, error) {
	src, err := gocv.NewMatFromBytes(height, width, kind, plane)
	if err != nil {
		return nil, fmt.Errorf("orient: %w", err)
	}
	defer src.Close()
	dst := gocv.NewMat()
	defer dst.Close()
	if err := orientMat(src, &dst, orientation); err != nil {
		return nil, fmt.Errorf("orient: %w", err)
	}
	return dst.ToBytes(), nil
}

func orientMat(src gocv.Mat, dst *gocv.Mat, orientation int) error {
	const upDown, leftRight, both = 0, 1, -1
	switch orientation {
	case 2:
		return gocv.Flip(src, dst, leftRight)
	case 3:
		return gocv.Flip(src, dst, both)
	case 4:
		return gocv.Flip(src, dst, upDown)
	case 6:
		return gocv.Rotate(src, dst, gocv.Rotate90Clockwise)
	case 8:
		return gocv.Rotate(src, dst, gocv.Rotate90CounterClockwise)
	}
	if err := gocv.Transpose(src, dst); err != nil || orientation == 5 {
		return err
	}
	return gocv.Flip(*dst, dst, both) // 7
}
