// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// methodsIn reads the proto files, as text, for the unary methods with an idempotency
// level.
func methodsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.proto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no proto files in %s: %v", folder, err)
	}
	var methods []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var service, method string
		var streams bool
		for lines := bufio.NewScanner(strings.NewReader(string(content))); lines.Scan(); {
			words := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == ' ' || r == '(' })
			switch {
			case len(words) > 1 && words[0] == "service":
				service = words[1]
			case len(words) > 1 && words[0] == "rpc":
				method = words[1]
				streams = strings.Contains(lines.Text(), "returns (stream ")
			case !streams && len(words) > 1 && words[0] == "option" && words[1] == "idempotency_level":
				methods = append(methods, "pronto.v1."+service+"/"+method)
			}
		}
	}
	slices.Sort(methods)
	return methods
}

func TestRetryConfigNamesTheIdempotentMethods(t *testing.T) {
	var config serviceConfig
	if err := json.Unmarshal([]byte(retryConfig()), &config); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range config.MethodConfig[0].Name {
		got = append(got, name.Service+"/"+name.Method)
	}
	slices.Sort(got)
	want := methodsIn(t, "../../proto/pronto/v1")
	if !slices.Equal(got, want) {
		t.Errorf("methods %v, want %v", got, want)
	}
	if slices.Contains(got, "pronto.v1.ContactService/EnrichContact") {
		t.Error("EnrichContact would be charged again")
	}
	if slices.Contains(got, "pronto.v1.JobService/WatchJob") {
		t.Error("WatchJob would wait without its follower's knowing")
	}
}

func TestRetryConfigHasItsNumbers(t *testing.T) {
	var config serviceConfig
	if err := json.Unmarshal([]byte(retryConfig()), &config); err != nil {
		t.Fatal(err)
	}
	got := config.MethodConfig[0].RetryPolicy
	if got.MaxAttempts != 5 || got.InitialBackoff != "0.5s" || got.MaxBackoff != "5s" || got.BackoffMultiplier != 2 ||
		!slices.Equal(got.RetryableStatusCodes, []string{"UNAVAILABLE"}) {
		t.Errorf("policy %+v", got)
	}
}
