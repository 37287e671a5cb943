// Package selftest plays known-bad messages into a sensor's pipeline, in memory and
// never onto a wire: the same engine, dissectors and detections as for what is
// heard. What comes out says which detections would have spoken.
package selftest

import (
	"context"
	"encoding/binary"
	"io"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/sensor"
)

// Expected are the detections that the fixtures must meet.
func Expected() []string {
	return []string{"clear-text-sign-in", "communication-disabled", "controller-stop", "program-download"}
}

// Epoch begins the epoch of a test's summary; the test's id follows.
const Epoch = "selftest:"

// Run plays the fixtures into an engine of the sensor's configuration.
func Run(ctx context.Context, cfg sensor.Config, source, test string, now time.Time) (*sensor.Summary, error) {
	cfg.Sensor, cfg.Epoch, cfg.Live, cfg.Interval, cfg.Keep, cfg.Shards, cfg.Brief = source, Epoch+test, false, 0, nil, 1, false
	var out *sensor.Summary
	err := sensor.Run(ctx, &fixtures{at: now.UnixNano(), packets: packets()}, cfg, func(s *sensor.Summary) error {
		out = s
		return nil
	})
	return out, err
}

// Met are the detections that a summary's events met.
func Met(sum *sensor.Summary) []string {
	met := []string{}
	for i := range sum.Events {
		for _, r := range sum.Events[i].Rules {
			if !slices.Contains(met, r) {
				met = append(met, r)
			}
		}
	}
	slices.Sort(met)
	return met
}

// Missing are the expected detections that are not among met.
func Missing(met []string) []string {
	missing := []string{}
	for _, r := range Expected() {
		if !slices.Contains(met, r) {
			missing = append(missing, r)
		}
	}
	return missing
}

// fixtures is a sensor.Source over packets in memory.
type fixtures struct {
	at      int64
	packets [][]byte
	n       int
}

// Next implements sensor.Source.
func (f *fixtures) Next(p *sensor.Packet) error {
	if f.n == len(f.packets) {
		return io.EOF
	}
	b := f.packets[f.n]
	f.n++
	*p = sensor.Packet{Data: b, At: f.at + int64(f.n)*int64(time.Millisecond), Number: uint64(f.n), Wire: len(b), Link: sensor.LinkEthernet}
	return nil
}

// Close implements sensor.Source.
func (f *fixtures) Close() error { return nil }

// Stats implements sensor.Source.
func (f *fixtures) Stats() sensor.SourceStats { return sensor.SourceStats{Packets: uint64(f.n)} }

// The messages, between addresses that no network has (TEST-NET-1, RFC 5737):
//
//	S7comm   TPKT 4, COTP DT 3, header 10, parameter: 0x29 PLC Stop; 0x1a Request Download of OB 1
//	Modbus   MBAP 7, function 8 Diagnostics, sub-function 1 Restart Communications Option (Modbus V1.1b3 6.8)
//	FTP      USER and PASS (RFC 959 4.1.1): a password that everybody on the wire can read; it is made up
func packets() [][]byte {
	hello := []byte{3, 0, 0, 0x16, 0x11, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 0x0a, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2}
	welcome := []byte{3, 0, 0, 0x16, 0x11, 0xd0, 0, 1, 0, 1, 0, 0xc0, 1, 0x0a, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2}
	stop := append([]byte{3, 0, 0, 0x21, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 1, 0, 0, 0x10, 0, 0, 0x29, 0, 0, 0, 0, 0, 9}, "P_PROGRAM"...)
	load := append([]byte{3, 0, 0, 0x31, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 2, 0, 0, 0x20, 0, 0, 0x1a, 0, 1, 0, 0, 0, 0, 0, 9}, "_0800001P\x0d1000208000110"...)
	restart := []byte{0, 1, 0, 0, 0, 6, 1, 8, 0, 1, 0, 0}
	var out [][]byte
	out = append(out, talk(1, 10, 102, [2]string{string(hello), string(welcome)}, [2]string{string(load)}, [2]string{string(stop)})...)
	out = append(out, talk(2, 11, 502, [2]string{string(restart), string(restart)})...)
	out = append(out, talk(3, 12, 21, [2]string{"", "220 ready\r\n"}, [2]string{"USER selftest\r\n", "331 password\r\n"}, [2]string{"PASS not-a-password\r\n", "230 in\r\n"})...)
	return out
}

// talk is a TCP connection from 192.0.2.<client> to 192.0.2.<server>, opened and spoken in turns.
func talk(client, server byte, port uint16, turns ...[2]string) [][]byte {
	a, b := uint32(1000), uint32(2000)
	out := [][]byte{
		segment(client, server, 40000, port, a, 0, 2, ""), segment(server, client, port, 40000, b, a+1, 0x12, ""), segment(client, server, 40000, port, a+1, b+1, 0x10, ""),
	}
	a, b = a+1, b+1
	for _, t := range turns {
		if t[0] != "" {
			out = append(out, segment(client, server, 40000, port, a, b, 0x18, t[0]))
			a += uint32(len(t[0]))
		}
		if t[1] != "" {
			out = append(out, segment(server, client, port, 40000, b, a, 0x18, t[1]))
			b += uint32(len(t[1]))
		}
	}
	return out
}

// segment is an Ethernet frame with a TCP segment; the MAC addresses are locally administered.
func segment(src, dst byte, sport, dport uint16, seq, ack uint32, flags byte, payload string) []byte {
	be := binary.BigEndian
	b := []byte{2, 0x5e, 0, 0, 2, dst, 2, 0x5e, 0, 0, 2, src, 8, 0, 0x45, 0}
	b = be.AppendUint16(b, uint16(40+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, src, 192, 0, 2, dst)
	b = be.AppendUint16(b, sport)
	b = be.AppendUint16(b, dport)
	b = be.AppendUint32(b, seq)
	b = be.AppendUint32(b, ack)
	b = append(b, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, payload...)
}
