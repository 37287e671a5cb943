package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/wneessen/go-mail"
)

// parcel is a message ready to go.
type parcel struct {
	id       string // stable over repeats
	to, name string
	subject  string
	text     string
	html     string
	thread   string // mails about one item stand together
	urgent   bool
	body     []byte    // of a webhook
	frame    []byte    // of syslog
	at       time.Time // when it was made
}

// report says what became of the parcel at a place in the list.
type report func(i int, answer string, err error)

// errStop: the rest of the batch was not tried, the way itself does not work.
var errStop = errors.New("not tried")

const mailWait = 30 * time.Second

// sendMail sends over one connection. The Message-ID of a parcel is the same at every
// attempt, so that a receiver that got it twice can tell.
func (s *Service) sendMail(ctx context.Context, way Way, password string, parcels []parcel, done report) error {
	cfg, err := way.tls()
	if err != nil {
		return err
	}
	domain := way.From[strings.LastIndexByte(way.From, '@')+1:]
	opts := []mail.Option{
		mail.WithPort(int(way.Port)), mail.WithTimeout(mailWait), mail.WithTLSConfig(cfg), mail.WithDialContextFunc(s.cfg.Egress.DialContext), mail.WithHELO(domain),
	}
	switch way.Security {
	case "tls":
		opts = append(opts, mail.WithSSL(), mail.WithDialContextFunc(s.dialTLS(cfg)))
	case "starttls":
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	}
	if way.Username != "" {
		how := mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover)
		if way.Security == "tls" {
			// The library does not know that the connection it was given is TLS already.
			how = mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc)
		}
		opts = append(opts, how, mail.WithUsername(way.Username), mail.WithPassword(password))
	}
	client, err := mail.NewClient(way.Host, opts...)
	if err != nil {
		return ot.Errorf(ot.Invalid, "the mail server's settings: %w", err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return ot.Errorf(ot.Busy, "the mail server %s:%d: %w", way.Host, way.Port, err)
	}
	defer func() { _ = client.Close() }() // what was taken is taken
	for i, p := range parcels {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		msg, err := mailOf(way.From, domain, p)
		if err != nil {
			done(i, "", err)
			continue
		}
		err = client.Send(msg)
		answer := ot.Printable(msg.ServerResponse())
		if err != nil {
			err = ot.Errorf(ot.Busy, "the mail server refused it: %w", err)
		}
		done(i, answer, err)
	}
	return nil
}

func mailOf(from, domain string, p parcel) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.FromFormat("Skanse", from); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the sender's address: %w", err)
	}
	if err := msg.AddToFormat(p.name, p.to); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the receiver's address: %w", err)
	}
	msg.SetMessageIDWithValue(p.id + "@" + domain)
	msg.SetDateWithValue(p.at)
	msg.Subject(p.subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no answers of people on holiday
	msg.SetGenHeader("List-Id", "Skanse notices <notices."+domain+">")
	msg.SetGenHeader("X-Skanse-Delivery", p.id)
	if p.thread != "" {
		// The first mail about an item is found by the same name, whether it came or not.
		root := "<item-" + p.thread + "@" + domain + ">"
		msg.SetGenHeader(mail.HeaderInReplyTo, root)
		msg.SetGenHeader(mail.HeaderReferences, root)
	}
	if p.urgent {
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.SetBodyString(mail.TypeTextPlain, p.text)
	msg.AddAlternativeString(mail.TypeTextHTML, p.html)
	return msg, nil
}

// draw fills the texts for a person.
func (s *Service) draw(d delivery, p recipient) (parcel, error) {
	l := letterOf(d.What, d.Body.V, p.wishes.location()).in(s.cfg.Say, p.Language)
	l.Name, l.Address = p.Name, s.base(p.address)
	if l.Address != "" && d.Token != "" {
		l.Link = l.Address + "/told?token=" + d.Token
	}
	out := parcel{id: d.ID, at: d.MadeAt.Time, urgent: d.Severity == 1 && d.What != whatTest, name: p.Name, to: p.mail()}
	if d.What == whatOpen || d.What == whatDone {
		out.thread = d.ItemID
	}
	var err error
	if d.Channel == bySMS {
		out.to = p.wishes.Phone
		if p.mayReply && d.Token != "" && answerable(d.What) {
			l.Code = codeOf(d.Token)
		}
		out.text, err = s.words.fill(p.Language, "sms", l)
		return out, err
	}
	if out.subject, err = s.words.subject(p.Language, l); err != nil {
		return out, err
	}
	if out.text, err = s.words.fill(p.Language, "text", l); err != nil {
		return out, err
	}
	out.html, err = s.words.page(p.Language, l)
	return out, err
}

// recipient is a person with what is needed to reach them.
type recipient struct {
	Name     string `db:"name"`
	Email    string `db:"email"`
	Language string `db:"language"`
	wishes   Wishes
	address  string
	mayReply bool // by SMS
}

func (p recipient) mail() string {
	if p.wishes.Mail != "" {
		return p.wishes.Mail
	}
	return p.Email
}

func recipientOf(ctx context.Context, r store.Reader, userID string) (recipient, error) {
	p, err := store.One[recipient](ctx, r, "SELECT u.name, u.email, u.language FROM auth_user u WHERE u.user_id = ?", userID)
	if err != nil {
		return p, fmt.Errorf("find whom to tell: %w", err)
	}
	if p.wishes, _, err = wishesOf(ctx, r, userID); err != nil {
		return p, err
	}
	set, _, err := settingsOf(ctx, r)
	p.address = set.Address
	return p, err
}

// base is the address of the pages: as set, or as the server knows it.
func (s *Service) base(set string) string {
	if set != "" {
		return strings.TrimSuffix(set, "/")
	}
	if a := s.address.Load(); a != nil {
		return strings.TrimSuffix(*a, "/")
	}
	return ""
}
