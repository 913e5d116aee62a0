// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pronto-grpc/clients/go/prontov1"
)

// finish is called when the server ended the stream OK. It returns nil when the job is
// over. A stream that began behind `completed` asks for the account.
func (s *Stream) finish(ctx context.Context, jobs prontov1.JobServiceClient) error {
	if s.account != nil {
		s.over = true
		return nil
	}
	answer, err := jobs.GetJob(ctx, &prontov1.GetJobRequest{JobId: s.jobID})
	if err != nil {
		return err
	}
	job := answer.GetJob()
	outcome := outcomeOf(job.GetState())
	if outcome == prontov1.JobOutcome_JOB_OUTCOME_UNSPECIFIED || job.GetLastSequence() != s.last {
		return endedEarly(job, s.last)
	}
	s.account = &prontov1.JobCompleted{
		Outcome:        outcome,
		Counts:         job.GetCounts(),
		MissingIndexes: job.GetMissingIndexes(),
	}
	s.over = true
	return nil
}

// outcomeOf is UNSPECIFIED for a job that has not ended with `completed`.
func outcomeOf(state prontov1.JobState) prontov1.JobOutcome {
	switch state {
	case prontov1.JobState_JOB_STATE_COMPLETED:
		return prontov1.JobOutcome_JOB_OUTCOME_COMPLETE
	case prontov1.JobState_JOB_STATE_INCOMPLETE:
		return prontov1.JobOutcome_JOB_OUTCOME_INCOMPLETE
	}
	return prontov1.JobOutcome_JOB_OUTCOME_UNSPECIFIED
}

// endedEarly is a break: somebody between server and client ended the stream, or
// something came just then.
func endedEarly(job *prontov1.Job, last int64) error {
	message := fmt.Sprintf("the stream of job %s ended after event %d, but the job is %s with %d events",
		job.GetId(), last, job.GetState(), job.GetLastSequence())
	return typed(status.Error(codes.Unavailable, message))
}
