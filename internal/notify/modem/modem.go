// Package modem sends short messages by the AT commands of a GSM, UMTS or LTE modem
// on a serial port (3GPP TS 27.007 and 27.005). It sends, asks how the network is, and
// reads what came in; it makes no calls. It knows nothing of who is told.
package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/skanse/skanse/internal/ot"
)

// Port is the serial line. A read must end at its deadline.
type Port interface {
	Read(b []byte) (int, error)
	Write(b []byte) (int, error)
	SetDeadline(t time.Time) error
	Close() error
}

// Config says how a modem is used. Zero values mean the defaults.
type Config struct {
	PIN      string        // of the SIM; tried once
	Centre   string        // number of the service centre; empty: the one of the card
	TextMode bool          // for a modem that knows no PDU mode: a long text becomes numbered messages
	Answer   time.Duration // of a command; 10 s
	Network  time.Duration // for registration and for a message to be taken; 60 s
}

// ErrPIN says that the SIM refused the PIN. It must not be tried again without a
// person: three wrong ones lock the card.
var ErrPIN = errors.New("the SIM refused the PIN")

// maxParts bounds a message: what needs more belongs into a mail.
const maxParts = 4

// Modem is an open modem. It is used by one goroutine at a time.
type Modem struct {
	port Port
	cfg  Config
	buf  []byte
	ref  byte // of the last message of several parts
}

// Status is how the modem is.
type Status struct {
	Model    string
	Operator string
	DBm      int // 0: unknown
	Roaming  bool
}

// Start wakes the modem, gives the PIN where it is asked for, waits until a network
// has it, and sets the mode. ref is the number of the last message of several
// parts, so that a phone does not join parts of two messages.
func Start(ctx context.Context, port Port, cfg Config, ref byte) (*Modem, error) {
	if cfg.Answer == 0 {
		cfg.Answer = 10 * time.Second
	}
	if cfg.Network == 0 {
		cfg.Network = time.Minute
	}
	m := &Modem{port: port, cfg: cfg, ref: ref}
	if err := m.wake(ctx); err != nil {
		return nil, err
	}
	if err := m.unlock(ctx); err != nil {
		return nil, err
	}
	if err := m.registered(ctx); err != nil {
		return nil, err
	}
	mode := "AT+CMGF=0"
	if cfg.TextMode {
		mode = "AT+CMGF=1"
	}
	if _, err := m.ask(ctx, mode, "", cfg.Answer); err != nil {
		return nil, fmt.Errorf("set the mode of messages: %w", err)
	}
	if cfg.Centre != "" {
		if _, err := m.ask(ctx, fmt.Sprintf("AT+CSCA=%q", cfg.Centre), "", cfg.Answer); err != nil {
			return nil, fmt.Errorf("set the service centre: %w", err)
		}
	}
	return m, nil
}

// wake leaves whatever the modem was doing, and turns echo off and error numbers on.
func (m *Modem) wake(ctx context.Context) error {
	var err error
	for range 3 {
		if err = m.write("\x1b\rAT\r"); err != nil {
			return err
		}
		if _, err = m.lines(ctx, "", min(2*time.Second, m.cfg.Answer)); err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err != nil {
		return ot.Errorf(ot.Busy, "the modem does not answer AT: is it on, is it the right port, is the speed right: %w", err)
	}
	m.drain(ctx)
	for _, cmd := range []string{"ATE0", "AT+CMEE=1"} {
		if _, err := m.ask(ctx, cmd, "", m.cfg.Answer); err != nil {
			return fmt.Errorf("%s: %w", cmd, err)
		}
	}
	return nil
}

func (m *Modem) unlock(ctx context.Context) error {
	got, err := m.ask(ctx, "AT+CPIN?", "+CPIN:", m.cfg.Answer)
	if err != nil {
		return fmt.Errorf("ask for the state of the SIM: %w", err)
	}
	switch state := after(got); state {
	case "READY":
		return nil
	case "SIM PIN":
		if m.cfg.PIN == "" {
			return fmt.Errorf("the SIM wants a PIN and none is set: %w", ErrPIN)
		}
		_, err := m.ask(ctx, fmt.Sprintf("AT+CPIN=%q", m.cfg.PIN), "", m.cfg.Network)
		if e, ok := errors.AsType[*Error](err); ok {
			return fmt.Errorf("%w, it is not tried again: %s", ErrPIN, e.Text)
		}
		return err
	default:
		return fmt.Errorf("the SIM wants %s, which a person must give in a phone: %w", state, ErrPIN)
	}
}

// registered waits for a network.
func (m *Modem) registered(ctx context.Context) error {
	end := time.Now().Add(m.cfg.Network)
	for {
		home, denied, err := m.network(ctx)
		if err != nil || home {
			return err
		}
		if denied {
			return ot.Errorf(ot.Busy, "the network refuses this SIM")
		}
		if time.Now().After(end) {
			return ot.Errorf(ot.Busy, "the modem found no network within %s", m.cfg.Network)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Second, m.cfg.Network/10)):
		}
	}
}

// network asks for the state by circuit and by LTE: a modem may know one of them only.
func (m *Modem) network(ctx context.Context) (on, denied bool, err error) {
	for _, cmd := range []string{"CREG", "CEREG"} {
		got, aerr := m.ask(ctx, "AT+"+cmd+"?", "+"+cmd+":", m.cfg.Answer)
		if _, no := errors.AsType[*Error](aerr); no {
			continue // it does not know this question
		}
		if aerr != nil {
			return false, false, aerr
		}
		switch state, ok := registration(got); {
		case ok && (state == 1 || state == 5):
			return true, false, nil
		case ok && state == 3:
			denied = true
		}
	}
	return false, denied, nil
}

// Status asks how the modem is. What it does not tell stays empty.
func (m *Modem) Status(ctx context.Context) (s Status, err error) {
	ask := func(cmd, prefix string) string {
		got, aerr := m.ask(ctx, cmd, prefix, m.cfg.Answer)
		if _, no := errors.AsType[*Error](aerr); aerr != nil && !no {
			err = aerr
		}
		return got
	}
	s.Model = ask("AT+CGMM", "")
	s.Operator = operator(ask("AT+COPS?", "+COPS:"))
	s.DBm, _ = signal(ask("AT+CSQ", "+CSQ:"))
	if state, ok := registration(ask("AT+CREG?", "+CREG:")); ok {
		s.Roaming = state == 5
	}
	return s, err
}

// Send sends a text to a number as CheckNumber writes it, in as many messages as it
// takes but at most four, and returns how many. After an error some may have gone.
func (m *Modem) Send(ctx context.Context, number, text string) (sent int, err error) {
	if m.cfg.TextMode {
		return m.sendText(ctx, number, text)
	}
	parts := split(text, maxParts)
	if len(parts) > 1 {
		m.ref++
	}
	for i, p := range parts {
		x := encodePDU(number, p, m.ref, i+1, len(parts))
		if err := m.submit(ctx, "AT+CMGS="+strconv.Itoa(x.length), x.hex); err != nil {
			return i, fmt.Errorf("message %d of %d: %w", i+1, len(parts), err)
		}
	}
	return len(parts), nil
}

// Ref is the number of the last message of several parts.
func (m *Modem) Ref() byte { return m.ref }

// sendText is Send for a modem without PDU mode: the parts carry their number in the text.
func (m *Modem) sendText(ctx context.Context, number, text string) (int, error) {
	parts := numberedParts(text, maxParts)
	// In the default alphabet the octets of ESC, Ctrl-Z and the line ends would be commands.
	wide := !fits(text) || strings.ContainsAny(text, "Ξ\r\n\f^{}\\[~]|€")
	set, coding := "GSM", "0"
	if wide {
		set, coding = "UCS2", "8"
	}
	for _, cmd := range []string{fmt.Sprintf("AT+CSCS=%q", set), "AT+CSMP=17,167,0," + coding} {
		if _, err := m.ask(ctx, cmd, "", m.cfg.Answer); err != nil {
			return 0, fmt.Errorf("%s: %w", cmd, err)
		}
	}
	for i, p := range parts {
		body, to := string(encode(p, septets)), number
		if wide {
			body, to = ucs2(p), ucs2(number)
		}
		if err := m.submit(ctx, fmt.Sprintf(`AT+CMGS="%s"`, to), body); err != nil {
			return i, fmt.Errorf("message %d of %d: %w", i+1, len(parts), err)
		}
	}
	return len(parts), nil
}

func ucs2(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// numberedParts cuts a text into messages of at most 70 characters, or 160 where the
// alphabet allows, with (1/3) before each.
func numberedParts(text string, most int) []string {
	each := septetsAlone
	if !fits(text) || strings.ContainsAny(text, "Ξ\r\n\f^{}\\[~]|€") {
		each = unitsAlone
	}
	units := utf16.Encode([]rune(text))
	if len(units) <= each {
		return []string{text}
	}
	each -= len("(1/4) ")
	var out []string
	now, n := "", 0
	for _, r := range text {
		w := len(utf16.Encode([]rune{r}))
		if n+w > each {
			out = append(out, now)
			now, n = "", 0
		}
		now, n = now+string(r), n+w
	}
	out = append(out, now)
	if len(out) > most {
		out = out[:most]
		last := []rune(out[most-1])
		out[most-1] = string(last[:len(last)-3]) + "..."
	}
	for i := range out {
		out[i] = fmt.Sprintf("(%d/%d) %s", i+1, len(out), out[i])
	}
	return out
}

// submit gives the modem one message behind its prompt.
func (m *Modem) submit(ctx context.Context, cmd, body string) error {
	if err := m.write(cmd + "\r"); err != nil {
		return err
	}
	for {
		t, err := m.read(ctx, m.cfg.Answer)
		if err != nil {
			_ = m.write("\x1b") // leave the prompt; the error is what matters
			return fmt.Errorf("the modem does not ask for the text: %w", err)
		}
		if t.prompt {
			break
		}
		if done, err := final(t.line); done {
			if err == nil {
				err = &Error{Code: -1, Text: "the modem answers OK where it should ask for the text"}
			}
			return err
		}
	}
	if err := m.write(body + "\x1a"); err != nil {
		return err
	}
	_, err := m.lines(ctx, "+CMGS:", m.cfg.Network)
	return err
}

// ask sends a command and returns the line that begins with prefix; an empty prefix
// takes the first line.
func (m *Modem) ask(ctx context.Context, cmd, prefix string, wait time.Duration) (string, error) {
	if err := m.write(cmd + "\r"); err != nil {
		return "", err
	}
	return m.lines(ctx, prefix, wait)
}

func (m *Modem) lines(ctx context.Context, prefix string, wait time.Duration) (got string, err error) {
	end := time.Now().Add(wait)
	for {
		t, err := m.read(ctx, time.Until(end))
		if err != nil {
			return "", err
		}
		if done, err := final(t.line); done {
			return got, err
		}
		// An echo and what the modem says by itself (RING, +CMTI:) are not the answer.
		if got == "" && !strings.HasPrefix(t.line, "AT") && (prefix != "" && strings.HasPrefix(t.line, prefix) || prefix == "" && !strings.ContainsAny(t.line[:1], "+^*") && t.line != "RING") {
			got = t.line
		}
	}
}

// drain reads what is still on its way from before.
func (m *Modem) drain(ctx context.Context) {
	for {
		if _, err := m.read(ctx, 100*time.Millisecond); err != nil {
			m.buf = nil
			return
		}
	}
}

func (m *Modem) write(s string) error {
	if err := m.port.SetDeadline(time.Now().Add(m.cfg.Answer)); err != nil {
		return fmt.Errorf("write to the modem: %w", err)
	}
	if _, err := m.port.Write([]byte(s)); err != nil {
		return ot.Errorf(ot.Busy, "write to the modem: %w", err)
	}
	return nil
}

func (m *Modem) read(ctx context.Context, wait time.Duration) (token, error) {
	end := time.Now().Add(wait)
	var chunk [512]byte
	for {
		if t, n := next(m.buf); n > 0 {
			m.buf = m.buf[n:]
			if t.prompt || t.line != "" {
				return t, nil
			}
			continue
		}
		if err := ctx.Err(); err != nil {
			return token{}, err
		}
		if !time.Now().Before(end) {
			return token{}, ot.Errorf(ot.Busy, "the modem did not answer in time")
		}
		// Short deadlines, so that a cancelled context is seen.
		step := time.Now().Add(200 * time.Millisecond)
		if step.After(end) {
			step = end
		}
		if err := m.port.SetDeadline(step); err != nil {
			return token{}, ot.Errorf(ot.Busy, "read from the modem: %w", err)
		}
		n, err := m.port.Read(chunk[:])
		m.buf = append(m.buf, chunk[:n]...)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return token{}, ot.Errorf(ot.Busy, "the modem went away: %w", err)
		}
	}
}
