// Package clamd asks a ClamAV daemon whether a file is malicious: attachments of records,
// and files that passed by a sensor.
package clamd

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

// Scanner speaks to a ClamAV daemon over its socket.
//
//	"zINSTREAM\0"  then chunks: length (4 bytes, big endian), bytes; a length of 0 ends.
//	answer         "stream: OK\0", "stream: <name> FOUND\0", "… ERROR\0"
type Scanner struct {
	network, address string
}

// How long clamd may take to answer and to read one chunk. A large archive takes minutes.
const (
	connectWithin = 5 * time.Second
	chunkWithin   = time.Minute
	answerWithin  = 10 * time.Minute
	chunkBytes    = 64 << 10
)

// New reads --clamd; an empty text is no scanner.
func New(s string) (*Scanner, error) {
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
	return &Scanner{network, address}, nil
}

// Verdict is what the scanner said.
type Verdict struct {
	Infected bool
	Name     string // of what it found
}

// Scan streams a file to clamd. An error means that nothing is known about the file.
func (c *Scanner) Scan(ctx context.Context, r io.Reader) (Verdict, error) {
	d := net.Dialer{Timeout: connectWithin}
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return Verdict{}, fmt.Errorf("reach clamd: %w", err)
	}
	defer func() { _ = conn.Close() }()                                              // only read from and written to
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // cancelled: the reads and writes below end
	defer stop()
	if err := send(conn, []byte("zINSTREAM\x00")); err != nil {
		return Verdict{}, err
	}
	buf := make([]byte, 4+chunkBytes)
	for {
		n, err := io.ReadFull(r, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if serr := send(conn, buf[:4+n]); serr != nil {
				// It hangs up on what is larger than its StreamMaxLength, and says so first.
				if v, aerr := answer(conn); aerr == nil || v.Name != "" {
					return v, aerr
				}
				return Verdict{}, serr
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return Verdict{}, fmt.Errorf("read the file for clamd: %w", err)
		}
	}
	if err := send(conn, []byte{0, 0, 0, 0}); err != nil {
		return Verdict{}, err
	}
	return answer(conn)
}

func send(conn net.Conn, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(chunkWithin)); err != nil {
		return err
	}
	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("send to clamd: %w", err)
	}
	return nil
}

func answer(conn net.Conn) (Verdict, error) {
	if err := conn.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return Verdict{}, err
	}
	text, err := bufio.NewReader(io.LimitReader(conn, 4096)).ReadString(0)
	if err != nil {
		return Verdict{}, fmt.Errorf("read clamd's answer: %w", err)
	}
	return parseVerdict(text)
}

// parseVerdict reads clamd's answer.
func parseVerdict(text string) (Verdict, error) {
	text = ot.Printable(text)
	body, ok := strings.CutPrefix(text, "stream: ")
	if !ok {
		return Verdict{}, fmt.Errorf("clamd answers %q", text)
	}
	if body == "OK" {
		return Verdict{}, nil
	}
	if name, ok := strings.CutSuffix(body, " FOUND"); ok {
		return Verdict{Infected: true, Name: name}, nil
	}
	return Verdict{}, fmt.Errorf("clamd answers %q", text)
}
