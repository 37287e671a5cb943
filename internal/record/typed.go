package record

import (
	"encoding/json"
	"fmt"
)

// The types with logic, as Go sees them. A test compares the tags with the YAML.

// PlantState is the data of a plant-state.
type PlantState struct {
	Mode        string   `json:"mode"`
	Source      string   `json:"source"`
	Note        string   `json:"note"`
	Rule        string   `json:"rule"`
	Weekdays    []string `json:"weekdays"`
	At          string   `json:"at"`
	Cron        string   `json:"cron"`
	Lasts       float64  `json:"lasts"` // hours
	ZoneName    string   `json:"zone_name"`
	TagAsset    string   `json:"tag_asset"`
	TagProtocol string   `json:"tag_protocol"`
	TagAddress  string   `json:"tag_address"`
	TagOp       string   `json:"tag_op"`
	TagValue    *float64 `json:"tag_value"`
	TagHold     float64  `json:"tag_hold"` // minutes
}

// Read takes the data of a record.
func (p *PlantState) Read(rec *Record) error { return read("plant-state", rec, p) }

// MaintenanceWindow is the data of a maintenance-window.
type MaintenanceWindow struct {
	Recurring bool     `json:"recurring"`
	Weekdays  []string `json:"weekdays"`
	At        string   `json:"at"`
	Lasts     float64  `json:"lasts"` // hours
	ZoneName  string   `json:"zone_name"`
	Capacity  float64  `json:"capacity"` // hours
	Plan      string   `json:"plan"`
	Contact   string   `json:"contact"`
	Held      string   `json:"held"`
	WhyNot    string   `json:"why_not"`
}

// Read takes the data of a record.
func (w *MaintenanceWindow) Read(rec *Record) error { return read("maintenance-window", rec, w) }

// AssetEvent is the data of an asset-event.
type AssetEvent struct {
	Kind         string   `json:"kind"`
	On           string   `json:"on"`
	Text         string   `json:"text"`
	FromPlace    string   `json:"from_place"`
	ToPlace      string   `json:"to_place"`
	Supplier     string   `json:"supplier"`
	OrderNo      string   `json:"order_no"`
	SupportUntil string   `json:"support_until"`
	Integrity    []string `json:"integrity"`
	DeviceName   string   `json:"device_name"`
	Serial       string   `json:"serial"`
	Storage      []string `json:"storage"`
	WipeMethod   string   `json:"wipe_method"`
	WipedBy      string   `json:"wiped_by"`
	Witness      string   `json:"witness"`
	Certificate  string   `json:"certificate"`
}

// Read takes the data of a record.
func (e *AssetEvent) Read(rec *Record) error { return read("asset-event", rec, e) }

// TransientDevice is the data of a transient-device.
type TransientDevice struct {
	Kind          string `json:"kind"`
	Make          string `json:"make"`
	Serial        string `json:"serial"`
	MACs          string `json:"macs"`
	Holder        string `json:"holder"`
	Company       string `json:"company"`
	Purpose       string `json:"purpose"`
	Targets       string `json:"targets"`
	Scanned       bool   `json:"scanned"`
	ScannedOn     string `json:"scanned_on"`
	Scanner       string `json:"scanner"`
	Patched       bool   `json:"patched"`
	Encrypted     bool   `json:"encrypted"`
	OtherNetworks bool   `json:"other_networks"`
	LeftBehind    string `json:"left_behind"`
}

// Read takes the data of a record.
func (d *TransientDevice) Read(rec *Record) error { return read("transient-device", rec, d) }

// Change is the data of a change.
type Change struct {
	Kind         string   `json:"kind"`
	Text         string   `json:"text"`
	Category     []string `json:"category"`
	PerformedBy  string   `json:"performed_by"`
	Risk         string   `json:"risk"`
	Test         string   `json:"test"`
	BackOut      string   `json:"back_out"`
	BackupTaken  bool     `json:"backup_taken"`
	MOC          string   `json:"moc"`
	DoneAt       string   `json:"done_at"`
	WhyEmergency string   `json:"why_emergency"`
	Told         string   `json:"told"`
	Observed     string   `json:"observed"`
	Documented   bool     `json:"documented"`
	StartedAt    string   `json:"started_at"`
	FinishedAt   string   `json:"finished_at"`
}

// Read takes the data of a record.
func (c *Change) Read(rec *Record) error { return read("change", rec, c) }

// Exception is the data of an exception.
type Exception struct {
	Kind         string `json:"kind"`
	Check        string `json:"check"`
	Requirement  string `json:"requirement"`
	Item         string `json:"item"`
	Why          string `json:"why"`
	Compensation string `json:"compensation"`
	Proof        string `json:"proof"`
	ProofOf      string `json:"proof_of"`
	Risk         string `json:"risk"`
	UntilWhat    string `json:"until_what"`
}

// Read takes the data of a record.
func (e *Exception) Read(rec *Record) error { return read("exception", rec, e) }

// Declaration is the data of a declaration.
type Declaration struct {
	Requirement     string `json:"requirement"`
	Record          string `json:"record"`
	Statement       string `json:"statement"`
	AttestedBy      string `json:"attested_by"`
	Document        string `json:"document"`
	DocumentVersion string `json:"document_version"`
	EffectiveFrom   string `json:"effective_from"`
}

// Read takes the data of a record.
func (d *Declaration) Read(rec *Record) error { return read("declaration", rec, d) }

// read fills a struct from data that the type has checked; into is zeroed by the caller.
func read(want string, rec *Record, into any) error {
	if rec.Type != want {
		return fmt.Errorf("record %s is a %s, not a %s", rec.Ref, rec.Type, want)
	}
	b, err := json.Marshal(rec.Data.V)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("read the data of %s: %w", rec.Ref, err)
	}
	return nil
}
