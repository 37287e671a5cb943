package conduit

import (
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Crosses is the predicate over network_conversation (named c) for what can cross
// between zones: both sides spoke, and the server is one host and no group.
func Crosses(c string) ot.SQL {
	return ot.SQL{Text: strings.ReplaceAll(`(@.established AND @.server_ip NOT LIKE '22_.%' AND @.server_ip NOT LIKE '23_.%' AND @.server_ip NOT LIKE 'ff%:%' AND @.server_ip <> '255.255.255.255')`, "@", c)}
}

// Allowed is the predicate over network_conversation (named c) that a policy in force at
// now (µs) allows it and none denies it: what judge says, for checks over all sites.
func Allowed(c string, now int64) ot.SQL {
	about := `p.site_no = @.site_no AND p.retired_at IS NULL AND (p.until_at IS NULL OR p.until_at > ?)
  AND (p.from_zone_no = CASE WHEN @.client_internet THEN -1 ELSE @.client_zone_no END AND p.to_zone_no = CASE WHEN @.server_internet THEN -1 ELSE @.server_zone_no END
   OR p.either AND p.to_zone_no = CASE WHEN @.client_internet THEN -1 ELSE @.client_zone_no END AND p.from_zone_no = CASE WHEN @.server_internet THEN -1 ELSE @.server_zone_no END)
  AND (p.transport = '' OR p.transport = @.transport) AND (p.port = 0 OR p.port = @.port) AND (p.protocol = '' OR p.protocol = @.protocol)`
	text := `(EXISTS (SELECT 1 FROM conduit_policy p WHERE p.allow AND (@.classes & p.beyond) = 0 AND ` + about + `)
 AND NOT EXISTS (SELECT 1 FROM conduit_policy p WHERE NOT p.allow AND (p.classes = 0 OR (@.classes & p.classes) <> 0) AND ` + about + `))`
	return ot.SQL{Text: strings.ReplaceAll(text, "@", c), Args: []any{now, now}}
}
