package cairn

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strings"

	"google.golang.org/grpc"
)

const defaultAddress = "http://127.0.0.1:7070"

// Config says where the store is and what the caller is known by. A field that is empty comes from the environment, as the
// `cairn` command reads it; a variable that is set to nothing counts as unset.
type Config struct {
	// Address is host:port, http://host:port or https://host:port. CAIRN_ADDR, or port 7070 of this machine.
	Address string
	// APIKey is the credential. CAIRN_API_KEY.
	APIKey string
	// APIKeyFile is a file with the credential, which is read for each call. CAIRN_API_KEY_FILE.
	APIKeyFile string
	// CAFile has the authorities that may certify the server, in place of the system's. CAIRN_CA_FILE.
	CAFile string
	// ClientCertFile and ClientKeyFile are the caller's certificate, which is read for each connection.
	// CAIRN_CLIENT_CERT_FILE, CAIRN_CLIENT_KEY_FILE.
	ClientCertFile, ClientKeyFile string
	// Traceparent is the trace that calls belong to, unless an interceptor says so. TRACEPARENT.
	Traceparent string
	// DialOptions are added to those of this package, for interceptors and statistics.
	DialOptions []grpc.DialOption
}

// String returns the address, without the key.
func (c Config) String() string { return c.Address }

// settings are a Config that is complete and checked.
type settings struct {
	target, address      string
	tls                  *tls.Config // nil for plain text
	key, keyFile, traced string
}

func (c Config) load(variable func(string) string) (*settings, error) {
	found := func(given, name string) string {
		if given == "" {
			given = variable(name)
		}
		return strings.TrimSpace(given)
	}
	name := "Address"
	if c.Address == "" {
		name = "CAIRN_ADDR"
	}
	address := found(c.Address, "CAIRN_ADDR")
	if address == "" {
		address = defaultAddress
	}
	target, secure, err := parseAddress(address, name)
	if err != nil {
		return nil, err
	}
	it := &settings{target: target, address: "http://" + target, traced: found(c.Traceparent, "TRACEPARENT")}
	if it.key, it.keyFile = c.APIKey, c.APIKeyFile; it.key == "" && it.keyFile == "" {
		it.key, it.keyFile = found("", "CAIRN_API_KEY"), found("", "CAIRN_API_KEY_FILE")
	}
	switch {
	case it.key != "" && it.keyFile != "":
		return nil, configurationError("CAIRN_API_KEY and CAIRN_API_KEY_FILE are both set: unset one of them")
	case it.key == "" && it.keyFile == "":
		return nil, configurationError("no API key: start `cairn dev` and run `. ./cairn-data/dev.env`, or set CAIRN_API_KEY or CAIRN_API_KEY_FILE")
	case it.key != "" && !printable(it.key):
		return nil, configurationError("the API key has characters that no key has")
	}
	authorities := found(c.CAFile, "CAIRN_CA_FILE")
	cert, certKey := found(c.ClientCertFile, "CAIRN_CLIENT_CERT_FILE"), found(c.ClientKeyFile, "CAIRN_CLIENT_KEY_FILE")
	if (cert == "") != (certKey == "") {
		return nil, configurationError("CAIRN_CLIENT_CERT_FILE and CAIRN_CLIENT_KEY_FILE are needed together: set both or neither")
	}
	if !secure {
		if authorities != "" || cert != "" {
			return nil, configurationError("http://%s is plain text, but authorities or a certificate for TLS are given: use an https:// address, or drop them", target)
		}
		return it, nil
	}
	it.address = "https://" + target
	it.tls, err = tlsConfig(authorities, cert, certKey)
	return it, err
}

func parseAddress(address, name string) (target string, secure bool, err error) {
	wrong := configurationError("%s must be host:port, http://host:port or https://host:port", name)
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	it, parseErr := url.Parse(address)
	if parseErr != nil || it.Hostname() == "" || it.User != nil || strings.ContainsAny(address, "?#") || strings.Trim(it.Path, "/") != "" {
		return "", false, wrong
	}
	port := it.Port()
	switch it.Scheme {
	case "https":
		secure = true
		if port == "" {
			port = "443"
		}
	case "http":
		if port == "" {
			port = "80"
		}
	default:
		return "", false, wrong
	}
	return net.JoinHostPort(it.Hostname(), port), secure, nil
}

func printable(key string) bool {
	return !strings.ContainsFunc(key, func(character rune) bool { return character <= ' ' || character > '~' })
}

func tlsConfig(authorities, cert, certKey string) (*tls.Config, error) {
	it := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != "" {
		text, err := os.ReadFile(authorities)
		if err != nil {
			return nil, configurationError("CAIRN_CA_FILE: %v", err)
		}
		it.RootCAs = x509.NewCertPool()
		if !it.RootCAs.AppendCertsFromPEM(text) {
			return nil, configurationError("CAIRN_CA_FILE: %s has no certificate", authorities)
		}
	}
	if cert == "" {
		return it, nil
	}
	read := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, certKey)
		if err != nil {
			return nil, configurationError("CAIRN_CLIENT_CERT_FILE: %v", err)
		}
		return &pair, nil
	}
	if _, err := read(); err != nil {
		return nil, err
	}
	it.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	return it, nil
}

// credential is what each call carries. A key in a file is read for each call: it may be replaced at any time.
func (s *settings) credential() (string, error) {
	if s.key != "" {
		return s.key, nil
	}
	text, err := os.ReadFile(s.keyFile)
	if err != nil {
		return "", configurationError("CAIRN_API_KEY_FILE: %v", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || !printable(key) {
		return "", configurationError("%s: there is no API key in it", s.keyFile)
	}
	return key, nil
}
