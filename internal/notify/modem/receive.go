package modem

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/skanse/skanse/internal/ot"
)

// Received is a short message that lies on the card.
type Received struct {
	Index  int
	Number string // empty: the sender gave a name, or hid
	Text   string // empty: no text, or one part of a longer message
}

// maxReceived bounds what a card may tell; common ones hold 20 to 50.
const maxReceived = 255

// Receive lists the messages that the card holds, in PDU mode; a modem in text mode tells
// none, because there a message of one line "OK" looks like the end of the list.
func (m *Modem) Receive(ctx context.Context) ([]Received, error) {
	if m.cfg.TextMode {
		return nil, nil
	}
	if err := m.write("AT+CMGL=4\r"); err != nil {
		return nil, err
	}
	var out []Received
	index := -1
	for {
		t, err := m.read(ctx, m.cfg.Answer)
		if err != nil {
			return out, err
		}
		switch done, err := final(t.line); {
		case done:
			return out, err
		case strings.HasPrefix(t.line, "+CMGL:"):
			first, _, _ := strings.Cut(after(t.line), ",")
			if index, err = strconv.Atoi(strings.TrimSpace(first)); err != nil {
				index = -1
			}
		case index >= 0 && len(out) < maxReceived:
			x := Received{Index: index}
			index = -1
			if raw, err := hex.DecodeString(t.line); err == nil {
				x.Number, x.Text = decodeDeliver(raw)
			}
			out = append(out, x)
		}
	}
}

// Delete makes room on the card.
func (m *Modem) Delete(ctx context.Context, index int) error {
	if _, err := m.ask(ctx, "AT+CMGD="+strconv.Itoa(index), "", m.cfg.Answer); err != nil {
		return fmt.Errorf("remove a message from the card: %w", err)
	}
	return nil
}

// decodeDeliver reads an SMS-DELIVER (3GPP TS 23.040, 9.2.2.1):
//
//	octets  what
//	1+n     length and address of the service centre
//	1       message type 00, bit 6: a header stands before the text
//	2+n     digits of the sender, type of the number (5: letters), the digits in swapped halves
//	1       protocol identifier
//	1       coding
//	7       time of the service centre
//	1       length of the text: in septets or in octets, the header included
//	n       header, text
func decodeDeliver(b []byte) (number, text string) {
	if len(b) < 1 || len(b) < 1+int(b[0])+3 {
		return "", ""
	}
	b = b[1+int(b[0]):]
	first, digits, kind := b[0], int(b[1]), b[2]
	b = b[3:]
	n := (digits + 1) / 2
	if first&3 != 0 || len(b) < n+10 {
		return "", ""
	}
	if kind&0x70 != 0x50 {
		number = digitsOf(b[:n], digits)
		if kind&0x70 == 0x10 && number != "" {
			number = "+" + number
		}
	}
	coding, count := b[n+1], int(b[n+9])
	b = b[n+10:]
	if first&header != 0 { // a part of a longer message: no code is that long
		return number, ""
	}
	switch coding & 0x0c {
	case 0x00:
		if len(b) < (count*7+7)/8 {
			return number, ""
		}
		text = unpack(b, count)
	case 0x08:
		if len(b) < count {
			return number, ""
		}
		var units []uint16
		for i := 0; i+1 < count; i += 2 {
			units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
		}
		text = string(utf16.Decode(units))
	}
	return number, ot.Printable(text)
}

func digitsOf(b []byte, n int) string {
	var s strings.Builder
	for i := range n {
		d := b[i/2] >> (4 * (i % 2)) & 15
		if d > 9 {
			return "" // * and # are of no subscriber
		}
		s.WriteByte('0' + d)
	}
	return s.String()
}

// unpack takes septets out of octets and reads them in the default alphabet.
func unpack(b []byte, count int) string {
	alphabet := []rune(basic)
	var s strings.Builder
	escaped := false
	for i := range count {
		bit := i * 7
		v := uint(b[bit/8]) >> (bit % 8)
		if bit%8 > 1 {
			v |= uint(b[bit/8+1]) << (8 - bit%8)
		}
		switch v &= 0x7f; {
		case escaped:
			escaped = false
			s.WriteRune(' ') // an extended character: no code has one
		case v == escape:
			escaped = true
		default:
			s.WriteRune(alphabet[v])
		}
	}
	return s.String()
}
