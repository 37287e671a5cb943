package zeek

// take tells one record of a log, which came at a time.
type take func(z *reader, r *row, at int64)

// logs says who reads a kind of log; nil: nobody.
func logs(kind string) take {
	switch kind {
	case "conn":
		return took
	case "modbus":
		return modbus
	case "modbus_detailed":
		return modbusDetailed
	case "modbus_read_device_identification":
		return modbusIdentity
	case "dnp3":
		return dnp3
	case "dnp3_control", "dnp3_objects":
		return dnp3Detail
	case "enip":
		return enip
	case "cip":
		return cip
	case "cip_io":
		return cipIO
	case "cip_identity":
		return cipIdentity
	case "s7comm":
		return s7comm
	case "s7comm_plus":
		return s7commPlus
	case "s7comm_known_devices":
		return s7commDevice
	case "s7comm_read_szl":
		return s7commList
	case "bacnet":
		return bacnet
	case "bacnet_discovery":
		return bacnetDiscovery
	case "bacnet_property":
		return bacnetProperty
	case "bacnet_device_control":
		return bacnetControl
	case "opcua_binary":
		return opcua
	case "opcua_binary_get_endpoints", "opcua_binary_get_endpoints_description", "opcua_binary_create_session", "opcua_binary_create_session_endpoints":
		return opcuaServer
	case "profinet_io_cm":
		return profinet
	case "hart_ip_general", "hart_ip":
		return hart
	case "hart_ip_direct_pdu_command":
		return hartCommand
	case "omron_fins_general":
		return fins
	case "omron_fins_detail":
		return finsDetail
	case "synchrophasor_cmd":
		return synchrophasorCommand
	case "synchrophasor":
		return synchrophasor
	case "goose":
		return goose
	case "ecat_registers", "ecat_log_address":
		return ethercat
	case "mqtt_connect", "mqtt_publish", "mqtt_subscribe":
		return mqtt
	case "genisys":
		return worded("genisys", "tcp", "header", "direction")
	case "roc_plus":
		return worded("roc-plus", "tcp", "opcode", "packet_type")
	case "ge_srtp_general", "ge_srtp":
		return worded("ge-srtp", "tcp", "service_request_code", "srtp_type")
	case "c1222":
		return worded("c1222", "tcp", "", "")
	}
	return officeLogs(kind)
}

// officeLogs are those of the protocols that a plant shares with every office.
func officeLogs(kind string) take {
	switch kind {
	case "dns":
		return dns
	case "dhcp":
		return dhcp
	case "ssl":
		return tls
	case "http":
		return http
	case "ssh":
		return ssh
	case "ftp":
		return ftp
	case "snmp":
		return snmp
	case "rdp":
		return rdp
	case "rfb":
		return vnc
	case "ntlm":
		return ntlm
	case "kerberos":
		return kerberos
	case "ntp":
		return ntp
	case "smb_mapping":
		return share
	case "software":
		return software
	case "known_devices":
		return device
	case "known_hosts":
		return host
	}
	return nil
}

// guess tells the kind of a record that does not say it, as JSON lines do not, by
// fields that no other log has.
func guess(r *row) string {
	for _, k := range [...]struct {
		kind   string
		fields []string
	}{
		{"conn", []string{"conn_state"}},
		{"conn", []string{"missed_bytes", "proto"}},
		{"modbus_detailed", []string{"func", "matched"}},
		{"modbus_detailed", []string{"func", "quantity"}},
		{"modbus_detailed", []string{"func", "request_values"}},
		{"modbus_read_device_identification", []string{"conformity_level"}},
		{"modbus", []string{"func", "pdu_type"}},
		{"modbus", []string{"func", "id.orig_h"}},
		{"dnp3_control", []string{"trip_control_code"}},
		{"dnp3_objects", []string{"object_count", "function_code"}},
		{"dnp3", []string{"fc_request"}},
		{"dnp3", []string{"fc_reply"}},
		{"cip_identity", []string{"device_type_id"}},
		{"cip_io", []string{"connection_id", "io_data"}},
		{"cip", []string{"cip_service_code"}},
		{"enip", []string{"enip_command_code"}},
		{"s7comm_known_devices", []string{"automation_system_name"}},
		{"s7comm_read_szl", []string{"szl_id"}},
		{"s7comm", []string{"rosctr_code"}},
		{"s7comm_plus", []string{"opcode_name", "version"}},
		{"bacnet_property", []string{"property", "instance_number"}},
		{"bacnet_device_control", []string{"pdu_service", "device_state"}},
		{"bacnet_discovery", []string{"pdu_service", "range"}},
		{"bacnet_discovery", []string{"pdu_service", "instance_number"}},
		{"bacnet", []string{"bvlc_function"}},
		{"opcua_binary", []string{"msg_type", "msg_size"}},
		{"profinet_io_cm", []string{"operation_num", "rpc_version"}},
		{"hart_ip_general", []string{"header_message_id"}},
		{"omron_fins_general", []string{"icf_data_type", "icf_gateway"}},
		{"omron_fins_detail", []string{"icf_data_type", "command_code"}},
		{"ge_srtp_general", []string{"srtp_type"}},
		{"synchrophasor_cmd", []string{"frame_type", "command"}},
		{"synchrophasor", []string{"data_frame_count"}},
		{"goose", []string{"gocb_ref"}},
		{"ecat_registers", []string{"Register_Addr"}},
		{"ecat_log_address", []string{"Log_Addr"}},
		{"mqtt_connect", []string{"client_id", "proto_version"}},
		{"mqtt_publish", []string{"topic", "payload_len"}},
		{"mqtt_subscribe", []string{"topics", "action"}},
		{"dhcp", []string{"msg_types"}},
		{"dhcp", []string{"assigned_addr", "mac"}},
		{"dns", []string{"query", "trans_id"}},
		{"dns", []string{"query", "rtt"}},
		{"dns", []string{"qtype_name"}},
		{"ssl", []string{"ssl_history"}},
		{"ssl", []string{"cipher", "version"}},
		{"ssl", []string{"server_name", "established"}},
		{"http", []string{"trans_depth"}},
		{"ssh", []string{"auth_attempts"}},
		{"ssh", []string{"kex_alg"}},
		{"snmp", []string{"get_requests", "version"}},
		{"rdp", []string{"security_protocol"}},
		{"rdp", []string{"cert_count", "result"}},
		{"rfb", []string{"server_major_version"}},
		{"ntlm", []string{"server_nb_computer_name"}},
		{"ntlm", []string{"domainname", "hostname"}},
		{"kerberos", []string{"request_type", "service"}},
		{"ntp", []string{"stratum", "ref_id"}},
		{"smb_mapping", []string{"share_type"}},
		{"software", []string{"software_type"}},
		{"known_devices", []string{"mac", "dhcp_host_name"}},
	} {
		all := true
		for _, f := range k.fields {
			all = all && r.has(f)
		}
		if all {
			return k.kind
		}
	}
	return ""
}
