package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/notify/modem"
	"github.com/skanse/skanse/internal/notify/syslog"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Way says how a receiver is reached; which fields count depends on its kind.
type Way struct {
	Host      string `json:"host,omitempty" maxLength:"253" doc:"mail, syslog: name or address"`
	Port      int64  `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"mail, syslog"`
	Security  string `json:"security,omitempty" doc:"mail: starttls, tls or none"`
	Username  string `json:"username,omitempty" maxLength:"200" doc:"mail; empty: no sign-in"`
	From      string `json:"from,omitempty" maxLength:"254" doc:"mail: the sender's address"`
	CA        string `json:"ca,omitempty" maxLength:"20000" doc:"mail, webhook, syslog: certificates (PEM) to trust instead of the machine's"`
	URL       string `json:"url,omitempty" maxLength:"1000" doc:"webhook"`
	Transport string `json:"transport,omitempty" doc:"syslog: tls, tcp or udp"`
	Format    string `json:"format,omitempty" doc:"syslog: rfc5424, cef, leef or ecs"`
	Facility  int64  `json:"facility,omitempty" minimum:"0" maximum:"23" doc:"syslog: 13 is log audit"`
	Device    string `json:"device,omitempty" maxLength:"200" doc:"sms: the serial port, as /dev/serial/by-id/…"`
	Baud      int64  `json:"baud,omitempty" doc:"sms; 0: 115200"`
	TextMode  bool   `json:"text_mode,omitempty" doc:"sms: for a modem without PDU mode"`
	Centre    string `json:"centre,omitempty" maxLength:"20" doc:"sms: number of the service centre; empty: the card's"`
	PerHour   int64  `json:"per_hour,omitempty" minimum:"0" maximum:"1000" doc:"sms: at most so many messages an hour; 0: 60"`
}

// Receiver is where notices go.
type Receiver struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" enum:"mail,sms,webhook,syslog"`
	Name      string     `json:"name"`
	Enabled   bool       `json:"enabled"`
	SiteID    string     `json:"site_id" doc:"Empty: every site"`
	Severity  int64      `json:"severity" doc:"webhook, syslog: the least urgent that goes there, 1 now to 4 for information"`
	Kinds     []string   `json:"kinds" nullable:"false" doc:"webhook, syslog: of items; empty: all"`
	Way       Way        `json:"way"`
	HasSecret bool       `json:"has_secret" doc:"A password, key or PIN is kept; it is never shown"`
	Audit     bool       `json:"audit" doc:"syslog: the audit log and its checkpoints go there too"`
	AuditNext int64      `json:"audit_next" doc:"Index of the next entry of the audit log to go there"`
	Problem   string     `json:"problem" doc:"Why it was turned off by itself" say:"true"`
	FailingAt store.Time `json:"failing_at" nullable:"true" doc:"It has taken nothing since then"`
	WorkedAt  store.Time `json:"worked_at" nullable:"true" doc:"Last time it took something"`
	Replies   int64      `json:"replies" doc:"By SMS: how many acknowledged a notice"`
	Wrong     int64      `json:"wrong_replies" doc:"By SMS: how many had a code, and none that fits the sender's notices"`
	Waiting   int64      `json:"waiting" doc:"In the queue"`
	Dead      int64      `json:"dead" doc:"Given up"`
	Place     string     `json:"place" doc:"The host:port to be allowed; empty: none"`
	Allowed   bool       `json:"allowed" doc:"The place is on the list of connections out"`
	Version   int64      `json:"-"`
}

type receiverRow struct {
	ID        string               `db:"receiver_id"`
	Kind      string               `db:"kind"`
	Name      string               `db:"name"`
	Enabled   bool                 `db:"enabled"`
	SiteNo    int64                `db:"site_no"`
	Severity  int64                `db:"severity"`
	Kinds     store.JSON[[]string] `db:"kinds"`
	Way       store.JSON[Way]      `db:"config"`
	Secret    []byte               `db:"secret"`
	Audit     bool                 `db:"audit"`
	AuditNext int64                `db:"audit_next"`
	PointNext int64                `db:"point_next"`
	Problem   string               `db:"problem"`
	FailingAt store.Time           `db:"failing_at"`
	WorkedAt  store.Time           `db:"worked_at"`
	Version   int64                `db:"version"`
	MadeAt    store.Time           `db:"made_at"`
	MadeBy    string               `db:"made_by"`
	Replies   int64                `db:"replies"`
	Wrong     int64                `db:"wrong_replies"`
}

const receiverColumns = "r.receiver_id, r.kind, r.name, r.enabled, r.site_no, r.severity, r.kinds, r.config, r.secret, r.audit, r.audit_next, r.point_next, r.problem, r.failing_at, r.worked_at, r.version, r.made_at, r.made_by, r.replies, r.wrong_replies"

// place is the host and port that must be allowed.
func (w Way) place(kind string) (host string, port int64) {
	switch kind {
	case byMail, bySyslog:
		return w.Host, w.Port
	case byWebhook:
		u, err := url.Parse(w.URL)
		if err != nil {
			return "", 0
		}
		port, err := strconv.ParseInt(u.Port(), 10, 64)
		if err != nil {
			port = 443
			if u.Scheme == "http" {
				port = 80
			}
		}
		return u.Hostname(), port
	}
	return "", 0
}

func (w Way) address(kind string) string {
	host, port := w.place(kind)
	if host == "" {
		return ""
	}
	return net.JoinHostPort(host, strconv.FormatInt(port, 10))
}

// tls is what the far side's certificate is judged by.
func (w Way) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: w.Host}
	if w.CA == "" {
		return cfg, nil
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM([]byte(w.CA)) {
		return nil, ot.Errorf(ot.Invalid, "the certificates to trust hold none that can be read: paste them as PEM")
	}
	return cfg, nil
}

// minSecret is the shortest key of a signature: 16 characters hold about 80 bits.
const minSecret = 16

// checkReceiver refuses what could never work, and drops what is of another kind.
func checkReceiver(r receiverRow, secret string, hasSecret bool) (receiverRow, error) {
	r.Name = ot.Printable(r.Name)
	if r.Name == "" || len([]rune(r.Name)) > 100 {
		return r, ot.Errorf(ot.Invalid, "name: a receiver needs one of at most 100 characters")
	}
	if r.Severity < 1 || r.Severity > 4 {
		return r, ot.Errorf(ot.Invalid, "severity: 1 (now) to 4 (for information)")
	}
	if r.Kinds.V == nil {
		r.Kinds.V = []string{}
	}
	if len(r.Kinds.V) > 100 {
		return r, ot.Errorf(ot.TooMany, "kinds: at most 100")
	}
	in := r.Way.V
	var w Way
	if r.Kind != bySyslog {
		r.Audit = false
	}
	switch r.Kind {
	case byMail:
		w = Way{Host: in.Host, Port: in.Port, Security: in.Security, Username: in.Username, From: in.From, CA: in.CA}
		if err := checkMail(w.From); err != nil {
			return r, ot.Errorf(ot.Invalid, "from: %w", err)
		}
		if !slices.Contains([]string{"starttls", "tls", "none"}, w.Security) {
			return r, ot.Errorf(ot.Invalid, "security: starttls, tls or none")
		}
		if w.Username != "" && w.Security == "none" {
			return r, ot.Errorf(ot.Invalid, "security: a password does not cross the network in the clear: choose starttls or tls")
		}
		if w.Username != "" && secret == "" && !hasSecret {
			return r, ot.Errorf(ot.Invalid, "secret: signing in to the mail server needs a password")
		}
	case byWebhook:
		w = Way{URL: strings.TrimSpace(in.URL), CA: in.CA}
		u, err := url.Parse(w.URL)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
			return r, ot.Errorf(ot.Invalid, "url: %q is none of a webhook: write it as https://host/path, without a password", ot.Printable(w.URL))
		}
		if secret == "" && !hasSecret || secret != "" && len(secret) < minSecret {
			return r, ot.Errorf(ot.Invalid, "secret: the key of the signature needs at least %d characters", minSecret)
		}
	case bySyslog:
		w = Way{Host: in.Host, Port: in.Port, Transport: in.Transport, Format: in.Format, Facility: in.Facility, CA: in.CA}
		if !slices.Contains([]string{syslog.TLS, syslog.TCP, syslog.UDP}, w.Transport) {
			return r, ot.Errorf(ot.Invalid, "transport: tls, tcp or udp")
		}
		if !isFormat(w.Format) {
			return r, ot.Errorf(ot.Invalid, "format: rfc5424, cef, leef or ecs")
		}
		if w.Facility < 0 || w.Facility > 23 {
			return r, ot.Errorf(ot.Invalid, "facility: 0 to 23")
		}
	case bySMS:
		w = Way{Device: strings.TrimSpace(in.Device), Baud: in.Baud, TextMode: in.TextMode, PerHour: in.PerHour}
		if !strings.HasPrefix(w.Device, "/dev/") || strings.Contains(w.Device, "..") {
			return r, ot.Errorf(ot.Invalid, "device: name the serial port under /dev, best by /dev/serial/by-id")
		}
		if secret != "" && (len(secret) < 4 || len(secret) > 8 || strings.Trim(secret, "0123456789") != "") {
			return r, ot.Errorf(ot.Invalid, "secret: the PIN has 4 to 8 digits")
		}
		if in.Centre != "" {
			n, err := modem.CheckNumber(in.Centre)
			if err != nil {
				return r, ot.Errorf(ot.Invalid, "centre: %w", err)
			}
			w.Centre = n
		}
	default:
		return r, ot.Errorf(ot.Invalid, "kind: mail, sms, webhook or syslog")
	}
	if r.Kind == byMail || r.Kind == bySyslog {
		w.Host = strings.TrimSpace(w.Host)
		if w.Host == "" || strings.ContainsAny(w.Host, " /@") || w.Port < 1 || w.Port > 65535 {
			return r, ot.Errorf(ot.Invalid, "host and port: name the machine, and a port of 1 to 65535")
		}
	}
	if _, err := w.tls(); err != nil {
		return r, err
	}
	r.Way.V = w
	return r, nil
}

// receivers lists rows in scope; what is of every site is for who sees everything.
func receivers(ctx context.Context, r store.Reader, scope auth.Scope, where ot.SQL) ([]receiverRow, error) {
	all := "1 = 0"
	if scope.All {
		all = "1 = 1"
	}
	return store.All[receiverRow](ctx, r, "SELECT "+receiverColumns+" FROM notify_receiver r WHERE (r.site_no = 0 AND "+all+" OR r.site_no <> 0 AND ?) AND ? ORDER BY r.kind, r.name, r.receiver_id", scope.Where("r.site_no", ""), where)
}

// the returns the enabled receiver of a channel that is one for the whole installation.
func the(ctx context.Context, r store.Reader, kind string) (receiverRow, bool, error) {
	rows, err := store.All[receiverRow](ctx, r, "SELECT "+receiverColumns+" FROM notify_receiver r WHERE r.kind = ? AND r.enabled ORDER BY r.receiver_id LIMIT 1", kind)
	if err != nil || len(rows) == 0 {
		return receiverRow{}, false, err
	}
	return rows[0], true, nil
}
