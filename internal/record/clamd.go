package record

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// clamd speaks to a ClamAV daemon over its socket.
//
//	"zINSTREAM\0"  then chunks: length (4 bytes, big endian), bytes; a length of 0 ends.
//	answer         "stream: OK\0", "stream: <name> FOUND\0", "… ERROR\0"
type clamd struct {
	network, address string
}

// How long clamd may take to answer and to read one chunk. A large archive takes minutes.
const (
	clamdConnect = 5 * time.Second
	clamdChunk   = time.Minute
	clamdAnswer  = 10 * time.Minute
	chunkBytes   = 64 << 10
)

// newClamd reads --clamd; an empty text is no scanner.
func newClamd(s string) (*clamd, error) {
	if s == "" {
		return nil, nil
	}
	network, address, ok := strings.Cut(s, ":")
	if !ok || address == "" || network != "unix" && network != "tcp" {
		return nil, ot.Errorf(ot.Invalid, "--clamd %q: write unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310", ot.Printable(s))
	}
	if network == "tcp" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, ot.Errorf(ot.Invalid, "--clamd %q: write tcp:127.0.0.1:3310", ot.Printable(s))
		}
	}
	return &clamd{network, address}, nil
}

// verdict is what the scanner said.
type verdict struct {
	infected bool
	name     string // of what it found
}

// scan streams a file to clamd. An error means that nothing is known about the file.
func (c *clamd) scan(ctx context.Context, r io.Reader) (verdict, error) {
	d := net.Dialer{Timeout: clamdConnect}
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return verdict{}, fmt.Errorf("reach clamd: %w", err)
	}
	defer func() { _ = conn.Close() }()                                              // only read from and written to
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // cancelled: the reads and writes below end
	defer stop()
	if err := send(conn, []byte("zINSTREAM\x00")); err != nil {
		return verdict{}, err
	}
	buf := make([]byte, 4+chunkBytes)
	for {
		n, err := io.ReadFull(r, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if serr := send(conn, buf[:4+n]); serr != nil {
				// It hangs up on what is larger than its StreamMaxLength, and says so first.
				if v, aerr := answer(conn); aerr == nil || v.name != "" {
					return v, aerr
				}
				return verdict{}, serr
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return verdict{}, fmt.Errorf("read the file for clamd: %w", err)
		}
	}
	if err := send(conn, []byte{0, 0, 0, 0}); err != nil {
		return verdict{}, err
	}
	return answer(conn)
}

func send(conn net.Conn, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(clamdChunk)); err != nil {
		return err
	}
	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("send to clamd: %w", err)
	}
	return nil
}

func answer(conn net.Conn) (verdict, error) {
	if err := conn.SetReadDeadline(time.Now().Add(clamdAnswer)); err != nil {
		return verdict{}, err
	}
	text, err := bufio.NewReader(io.LimitReader(conn, 4096)).ReadString(0)
	if err != nil {
		return verdict{}, fmt.Errorf("read clamd's answer: %w", err)
	}
	return parseVerdict(text)
}

// parseVerdict reads clamd's answer.
func parseVerdict(text string) (verdict, error) {
	text = ot.Printable(text)
	body, ok := strings.CutPrefix(text, "stream: ")
	if !ok {
		return verdict{}, fmt.Errorf("clamd answers %q", text)
	}
	if body == "OK" {
		return verdict{}, nil
	}
	if name, ok := strings.CutSuffix(body, " FOUND"); ok {
		return verdict{infected: true, name: name}, nil
	}
	return verdict{}, fmt.Errorf("clamd answers %q", text)
}
