// Package modemtest is the other side of a serial line: a modem that answers AT
// commands and takes messages. It is for tests and was written from 3GPP TS 27.005
// and 23.040 apart from the driver; gammu talks to it too.
package modemtest

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Message is what a phone would show: parts of one message are joined.
type Message struct {
	Number string
	Text   string
	Parts  int
	PDU    []string
}

// Sim is a modem. Its fields may be changed while it runs, under Lock.
type Sim struct {
	sync.Mutex
	PIN      string   // asked for until given
	Locked   bool     // wants the PUK after three wrong ones
	Tries    int      // of the PIN
	Searches int      // so often it answers that it searches a network
	Fail     []string // next answers to a message instead of +CMGS
	Deaf     bool     // answers nothing
	Noise    bool     // says things by itself
	Echo     bool
	NoPDU    bool

	Commands []string
	messages []*Message
	inbox    map[int]string // PDUs that came in, by their place on the card
	place    int
	open     map[string]*Message

	Path   string
	master *os.File
	slave  *os.File
	wide   bool
	text   bool
	done   chan struct{}
}

// New starts a modem on a pseudo-terminal; Path names its port.
func New(t testing.TB) *Sim {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	// A serial line does nothing with what passes; a terminal does until told not to.
	attr, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err == nil {
		attr.Iflag, attr.Oflag, attr.Lflag = 0, 0, 0
		err = unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, attr)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Sim{Path: slave.Name(), master: master, slave: slave, open: map[string]*Message{}, Echo: true, done: make(chan struct{})}
	go s.run()
	t.Cleanup(func() {
		_ = s.slave.Close()
		_ = s.master.Close()
		<-s.done
	})
	return s
}

// Messages lists what was sent, whole.
func (s *Sim) Messages() []Message {
	s.Lock()
	defer s.Unlock()
	out := make([]Message, 0, len(s.messages))
	for _, m := range s.messages {
		out = append(out, *m)
	}
	return out
}

func (s *Sim) run() {
	defer close(s.done)
	var cmd []byte
	b := make([]byte, 1)
	for {
		if _, err := s.master.Read(b); err != nil {
			return
		}
		s.Lock()
		deaf, echo := s.Deaf, s.Echo
		s.Unlock()
		if deaf {
			cmd = nil
			continue
		}
		switch {
		case b[0] == 0x1b:
			cmd = nil
		case b[0] == '\r':
			if echo {
				s.say(string(cmd) + "\r")
			}
			line := string(cmd)
			cmd = nil
			if !s.command(line) {
				return
			}
		case b[0] != '\n':
			cmd = append(cmd, b[0])
		}
	}
}

func (s *Sim) say(text string) { _, _ = io.WriteString(s.master, text) }

func (s *Sim) answer(lines ...string) {
	for _, l := range lines {
		s.say("\r\n" + l + "\r\n")
	}
}

// command answers one line; false when the port is gone.
func (s *Sim) command(line string) bool {
	s.Lock()
	s.Commands = append(s.Commands, line)
	noise := s.Noise
	s.Unlock()
	if noise {
		s.answer("RING", `+CMTI: "SM",3`, "^RSSI:17")
	}
	up := strings.ToUpper(line)
	switch {
	case up == "":
	case up == "AT+CPIN?":
		s.Lock()
		state := "READY"
		if s.Locked {
			state = "SIM PUK"
		} else if s.PIN != "" {
			state = "SIM PIN"
		}
		s.Unlock()
		s.answer("+CPIN: "+state, "OK")
	case strings.HasPrefix(up, "AT+CPIN="):
		s.Lock()
		ok := strings.Trim(line[len("AT+CPIN="):], `"`) == s.PIN
		if ok {
			s.PIN = ""
		} else {
			s.Tries++
			s.Locked = s.Tries >= 3
		}
		s.Unlock()
		if ok {
			s.answer("OK")
		} else {
			s.answer("+CME ERROR: 16")
		}
	case up == "AT+CREG?":
		s.Lock()
		state := 1
		if s.Searches > 0 {
			s.Searches--
			state = 2
		}
		s.Unlock()
		s.answer(fmt.Sprintf("+CREG: 0,%d", state), "OK")
	case up == "AT+CSQ":
		s.answer("+CSQ: 17,99", "OK")
	case up == "AT+COPS?":
		s.answer(`+COPS: 0,0,"SIM NET",2`, "OK")
	case up == "AT+CGMM" || up == "AT+GMM":
		s.answer("SIMULATED 1", "OK")
	case up == "AT+CGMI" || up == "AT+GMI":
		s.answer("SKANSE TEST", "OK")
	case up == "AT+CGSN":
		s.answer("490154203237518", "OK")
	case up == "AT+CSCA?":
		s.answer(`+CSCA: "+4512345678",145`, "OK")
	case up == "AT+CGMR":
		s.answer("1.0", "OK")
	case up == "AT+CSMS?":
		s.answer("+CSMS: 0,1,1,1", "OK")
	case strings.HasPrefix(up, "AT+CMGF="):
		s.Lock()
		refuse := s.NoPDU && up == "AT+CMGF=0"
		s.text = up == "AT+CMGF=1"
		s.Unlock()
		if refuse {
			s.answer("+CMS ERROR: 303")
		} else {
			s.answer("OK")
		}
	case up == "AT+CSCS?":
		s.answer(`+CSCS: "GSM"`, "OK")
	case up == "AT+CSCS=?":
		s.answer(`+CSCS: ("GSM","UCS2")`, "OK")
	case up == "AT+CMGF?":
		s.answer("+CMGF: 0", "OK")
	case strings.HasPrefix(up, "AT+CSCS="):
		s.wide = strings.Contains(up, "UCS2")
		s.answer("OK")
	case strings.HasPrefix(up, "AT+CMGS="):
		return s.message(line[len("AT+CMGS="):])
	case up == "AT+CMGL=4":
		s.list()
	case strings.HasPrefix(up, "AT+CMGD="):
		s.Lock()
		n, _ := strconv.Atoi(up[len("AT+CMGD="):])
		delete(s.inbox, n)
		s.Unlock()
		s.answer("OK")
	case strings.HasPrefix(up, "AT+CEREG"):
		s.answer("+CME ERROR: 4")
	case up == "ATE0" || up == "ATE1":
		s.Lock()
		s.Echo = up == "ATE1"
		s.Unlock()
		s.answer("OK")
	case up == "AT" || strings.HasPrefix(up, "AT+CFUN") || strings.HasPrefix(up, "AT+CPMS=") || strings.HasPrefix(up, "ATE") || strings.HasPrefix(up, "ATZ") || strings.HasPrefix(up, "AT+CMEE") || strings.HasPrefix(up, "AT+CSMP") || strings.HasPrefix(up, "AT+CSCA=") || strings.HasPrefix(up, "AT+CSMS=") || strings.HasPrefix(up, "AT+CNMI"):
		s.answer("OK")
	default:
		s.answer("ERROR")
	}
	return true
}

// message asks for a text and takes it.
func (s *Sim) message(arg string) bool {
	s.say("\r\n> ")
	var body []byte
	b := make([]byte, 1)
	for {
		if _, err := s.master.Read(b); err != nil {
			return false
		}
		if b[0] == 0x1b {
			s.answer("OK")
			return true
		}
		if b[0] == 0x1a {
			break
		}
		body = append(body, b[0])
	}
	s.Lock()
	if s.Deaf {
		s.Unlock()
		return true
	}
	if len(s.Fail) > 0 {
		fail := s.Fail[0]
		s.Fail = s.Fail[1:]
		s.Unlock()
		if fail != "" {
			s.answer(fail)
		}
		return true
	}
	var err error
	if s.text {
		err = s.takeText(strings.Trim(arg, `"`), body)
	} else {
		err = s.takePDU(arg, strings.TrimSpace(string(body)))
	}
	n := len(s.messages)
	s.Unlock()
	if err != nil {
		s.answer("+CMS ERROR: 304")
		return true
	}
	time.Sleep(2 * time.Millisecond)
	s.answer(fmt.Sprintf("+CMGS: %d", n%256), "OK")
	return true
}

func (s *Sim) takeText(number string, body []byte) error {
	text := string(body)
	if s.wide {
		for _, p := range []*string{&number, &text} {
			raw, err := hex.DecodeString(*p)
			if err != nil {
				return err
			}
			*p = wideText(raw)
		}
	}
	s.messages = append(s.messages, &Message{Number: number, Text: text, Parts: 1})
	return nil
}

// takePDU reads an SMS-SUBMIT.
func (s *Sim) takePDU(length, pdu string) error {
	raw, err := hex.DecodeString(pdu)
	if err != nil || len(raw) < 10 {
		return fmt.Errorf("no PDU")
	}
	tp := raw[1+int(raw[0]):]
	if want, _ := strconv.Atoi(length); want != len(tp) || tp[0]&3 != 1 {
		return fmt.Errorf("length %s of %d, type %d", length, len(tp), tp[0]&3)
	}
	first := tp[0]
	digits := int(tp[2])
	number := ""
	if tp[3]&0x70 == 0x10 {
		number = "+"
	}
	at := 4
	for i := range digits {
		nibble := tp[at+i/2] >> (4 * (i % 2)) & 15
		number += string('0' + rune(nibble))
	}
	at += (digits+1)/2 + 1 // the protocol identifier behind it
	coding := tp[at]
	at++
	switch first >> 3 & 3 {
	case 2:
		at++
	case 1, 3:
		at += 7
	}
	count := int(tp[at])
	data := tp[at+1:]
	key, parts, part, skip := "", 1, 1, 0
	if first&0x40 != 0 {
		skip = int(data[0]) + 1
		for h := data[1:skip]; len(h) >= 2; h = h[2+int(h[1]):] {
			if h[0] == 0 {
				key, parts, part = fmt.Sprint(number, h[2], h[3]), int(h[3]), int(h[4])
			}
		}
	}
	text := ""
	if coding&0x0c == 8 {
		text = wideText(data[skip:count])
	} else {
		text = septetText(data, count, (skip*8+6)/7)
	}
	m := s.open[key]
	if m == nil || key == "" || part == 1 {
		m = &Message{Number: number}
		s.messages = append(s.messages, m)
		s.open[key] = m
	}
	if m.Parts+1 != part {
		return fmt.Errorf("part %d of %d after %d", part, parts, m.Parts)
	}
	m.Text, m.Parts, m.PDU = m.Text+text, part, append(m.PDU, strings.ToUpper(pdu))
	return nil
}

func wideText(b []byte) string {
	var u []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(u))
}

// septetText reads the n-th septet as the 7 bits from bit 7n on, as the octets lie.
func septetText(b []byte, count, from int) string {
	const table = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	runes := []rune(table)
	more := map[int]rune{0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\', 0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€'}
	var out strings.Builder
	escaped := false
	for i := from; i < count; i++ {
		v := 0
		for bit := range 7 {
			n := 7*i + bit
			if n/8 < len(b) && b[n/8]>>(n%8)&1 == 1 {
				v |= 1 << bit
			}
		}
		switch {
		case escaped:
			out.WriteRune(more[v])
			escaped = false
		case v == 0x1b:
			escaped = true
		default:
			out.WriteRune(runes[v])
		}
	}
	return out.String()
}
