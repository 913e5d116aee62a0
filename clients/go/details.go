// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pronto-grpc/clients/go/prontov1"
)

// errorDomain tells reasons of ours from those of others.
const errorDomain = "pronto.v1"

// newError reads the details of a status. Those that it does not know stay in the
// status.
func newError(cause error, s *status.Status) *Error {
	e := &Error{Code: knownCode(s.Code()), Message: s.Message(), cause: cause, status: s}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			e.readInfo(detail)
		case *errdetails.RetryInfo:
			e.RetryDelay = detail.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			e.readFields(detail)
		case *errdetails.QuotaFailure:
			e.readQuotas(detail)
		}
	}
	e.Message += hint(e)
	return e
}

// knownCode is UNKNOWN for a code that gRPC does not have: whoever sent that, it says
// nothing to branch on.
func knownCode(code codes.Code) codes.Code {
	if code > codes.Unauthenticated { // The last one.
		return codes.Unknown
	}
	return code
}

func (e *Error) readInfo(info *errdetails.ErrorInfo) {
	if info.GetDomain() != errorDomain {
		return
	}
	e.ReasonText = info.GetReason()
	e.Reason = prontov1.ErrorReason(prontov1.ErrorReason_value["ERROR_REASON_"+info.GetReason()])
	e.Metadata = info.GetMetadata()
}

func (e *Error) readFields(request *errdetails.BadRequest) {
	for _, violation := range request.GetFieldViolations() {
		e.FieldViolations = append(e.FieldViolations, FieldViolation{
			Field:       violation.GetField(),
			Description: violation.GetDescription(),
		})
	}
}

func (e *Error) readQuotas(failure *errdetails.QuotaFailure) {
	for _, violation := range failure.GetViolations() {
		e.QuotaViolations = append(e.QuotaViolations, QuotaViolation{
			Subject:     violation.GetSubject(),
			Description: violation.GetDescription(),
		})
	}
}
