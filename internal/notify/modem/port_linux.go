package modem

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sys/unix"
)

// Open opens a serial port raw, 8N1, at a speed; 0 means 115,200 baud. Only what
// stands under /dev is a port.
func Open(path string, baud int) (Port, error) {
	clean := filepath.Clean(path)
	if !strings.HasPrefix(clean, "/dev/") {
		return nil, ot.Errorf(ot.Invalid, "%q is not a serial port: name one under /dev, best by /dev/serial/by-id", ot.Printable(path))
	}
	speed, ok := map[int]uint32{
		0: unix.B115200, 9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800,
	}[baud]
	if !ok {
		return nil, ot.Errorf(ot.Invalid, "%d baud is no speed of a modem: 9600, 19200, 38400, 57600, 115200, 230400 or 460800", baud)
	}
	f, err := os.OpenFile(clean, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, ot.Errorf(ot.Busy, "open the modem: %w", err)
	}
	if err := raw(f, speed); err != nil {
		_ = f.Close()
		return nil, ot.Errorf(ot.Invalid, "%s is not a serial port: %w", clean, err)
	}
	return f, nil
}

func raw(f *os.File, speed uint32) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var cerr error
	err = conn.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			cerr = err
			return
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | speed
		t.Ispeed, t.Ospeed = speed, speed
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		// Nobody else writes into a message of ours; root may still.
		if cerr = unix.IoctlSetTermios(int(fd), unix.TCSETS, t); cerr == nil {
			cerr = unix.IoctlSetInt(int(fd), unix.TIOCEXCL, 0)
		}
	})
	if err != nil {
		return err
	}
	return cerr
}
