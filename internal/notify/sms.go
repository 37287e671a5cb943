package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/notify/modem"
)

// line keeps the modem to one user at a time, and the number of the last long message.
type line struct {
	sync.Mutex
	ref byte
}

// smsPerHour keeps a storm from emptying an account.
const smsPerHour = 60

// sendSMS sends over the modem; the answer says by which network and how well it was heard.
func (s *Service) sendSMS(ctx context.Context, l *line, way Way, pin string, parcels []parcel, done report) error {
	l.Lock()
	defer l.Unlock()
	port, err := modem.Open(way.Device, int(way.Baud))
	if err != nil {
		return err
	}
	defer func() { _ = port.Close() }()
	m, err := modem.Start(ctx, port, modem.Config{PIN: pin, Centre: way.Centre, TextMode: way.TextMode}, l.ref)
	if err != nil {
		return err
	}
	st, err := m.Status(ctx)
	if err != nil {
		return err
	}
	for i, p := range parcels {
		n, err := m.Send(ctx, p.to, p.text)
		l.ref = m.Ref()
		_, refused := errors.AsType[*modem.Error](err)
		if err != nil && !refused {
			done(i, "", err)
			return errStop // the line itself is gone
		}
		done(i, saysModem(st, n), err)
	}
	return nil
}

func saysModem(st modem.Status, parts int) string {
	says := fmt.Sprintf("%d SMS by %s", parts, st.Operator)
	if st.DBm != 0 {
		says += fmt.Sprintf(", heard at %d dBm", st.DBm)
	}
	return says
}

// roomForSMS is how many may go now.
func roomForSMS(way Way, lastHour int64) int64 {
	most := way.PerHour
	if most == 0 {
		most = smsPerHour
	}
	return max(most-lastHour, 0)
}

const hour = time.Hour
