// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

func TestErrorHasItsDetails(t *testing.T) {
	cause := failure(codes.ResourceExhausted, "",
		&errdetails.ErrorInfo{Domain: "pronto.v1", Reason: "BUDGET_EXCEEDED", Metadata: map[string]string{"limit": "0"}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "max_credits", Description: "too much"}}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "limit", Description: "must be at least 1"}}},
	)
	e, ok := pronto.AsError(fmt.Errorf("in a wrap: %w", cause))
	if !ok {
		t.Fatal("not found")
	}
	if e.Code != codes.ResourceExhausted || e.ReasonText != "BUDGET_EXCEEDED" || e.Message != "no " || e.RetryDelay != 3*time.Second || e.Metadata["limit"] != "0" {
		t.Errorf("error %+v", e)
	}
	if e.Reason != prontov1.ErrorReason_ERROR_REASON_BUDGET_EXCEEDED || pronto.ReasonOf(e) != e.Reason {
		t.Errorf("reason %v", e.Reason)
	}
	if !slices.Equal(e.QuotaViolations, []pronto.QuotaViolation{{Subject: "max_credits", Description: "too much"}}) {
		t.Errorf("quotas %v", e.QuotaViolations)
	}
	if !slices.Equal(e.FieldViolations, []pronto.FieldViolation{{Field: "limit", Description: "must be at least 1"}}) {
		t.Errorf("fields %v", e.FieldViolations)
	}
	if !errors.Is(e, cause) || status.Code(e) != codes.ResourceExhausted || len(status.Convert(e).Details()) != 4 {
		t.Error("the error of gRPC is lost")
	}
	if text := e.Error(); text != "pronto: ResourceExhausted (BUDGET_EXCEEDED): no " {
		t.Errorf("text %q", text)
	}
}

func TestErrorKeepsReasonsItDoesNotKnow(t *testing.T) {
	e, _ := pronto.AsError(failure(codes.Aborted, "NEW_IN_A_LATER_VERSION"))
	if e.Reason != prontov1.ErrorReason_ERROR_REASON_UNSPECIFIED || e.ReasonText != "NEW_IN_A_LATER_VERSION" {
		t.Errorf("reason %v, %q", e.Reason, e.ReasonText)
	}
}

func TestErrorTakesNoReasonOfAStranger(t *testing.T) {
	e, _ := pronto.AsError(failure(codes.Aborted, "", &errdetails.ErrorInfo{Domain: "proxy.example", Reason: "NOT_FOUND"}))
	if e.ReasonText != "" || e.Reason != prontov1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		t.Errorf("reason %v, %q", e.Reason, e.ReasonText)
	}
	if text := e.Error(); text != "pronto: Aborted: no " {
		t.Errorf("text %q", text)
	}
}

func TestErrorHasNoCodeThatGRPCLacks(t *testing.T) {
	for sent, want := range map[codes.Code]codes.Code{16: codes.Unauthenticated, 17: codes.Unknown, 42: codes.Unknown} {
		if e, _ := pronto.AsError(failure(sent, "")); e.Code != want {
			t.Errorf("code %d is %s", sent, e.Code)
		}
	}
}

func TestErrorIsOfCallsOnly(t *testing.T) {
	for _, err := range []error{nil, io.EOF, &pronto.GapError{}} {
		if _, ok := pronto.AsError(err); ok {
			t.Errorf("%v is taken for the error of a call", err)
		}
		if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("%v has a reason", err)
		}
	}
}
