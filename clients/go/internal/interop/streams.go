// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

type events = grpc.ServerStreamingClient[prontov1.JobEvent]

func engineers(limit int32) *prontov1.SearchLeadsRequest {
	return &prontov1.SearchLeadsRequest{
		Filters: &prontov1.LeadFilters{JobTitles: []string{"engineer"}},
		Limit:   proto.Int32(limit),
	}
}

func streaming(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	stream, err := client.Leads.SearchLeads(ctx, engineers(3))
	if err != nil {
		return err
	}
	log, err := receive(stream, func(*prontov1.JobEvent) bool { return true })
	if err != io.EOF {
		return fmt.Errorf("the end: %w", err)
	}
	return checkSearch(log)
}

// receive collects events without progress until wanted says that it is enough, or
// the stream ends.
func receive(stream events, wanted func(*prontov1.JobEvent) bool) ([]*prontov1.JobEvent, error) {
	var log []*prontov1.JobEvent
	for {
		event, err := stream.Recv()
		if err != nil {
			return log, err
		}
		if event.GetProgress() != nil {
			continue
		}
		log = append(log, event)
		if !wanted(event) {
			return log, nil
		}
	}
}

// checkSearch checks the log of a search for three people.
func checkSearch(log []*prontov1.JobEvent) error {
	var kinds []string
	for i, event := range log {
		if event.GetSequence() != int64(i+1) {
			return fmt.Errorf("event %d has sequence %d", i+1, event.GetSequence())
		}
		kinds = append(kinds, kind(event))
	}
	if want := []string{"started", "lead", "lead", "lead", "completed"}; !slices.Equal(kinds, want) {
		return fmt.Errorf("events %v, want %v", kinds, want)
	}
	account := log[4].GetCompleted()
	if account.GetOutcome() != prontov1.JobOutcome_JOB_OUTCOME_COMPLETE || account.GetCounts().GetDelivered() != 3 {
		return fmt.Errorf("account %v", account)
	}
	return nil
}

func deadline(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stream, err := client.Leads.SearchLeads(short, engineers(1000))
	if err != nil {
		return err
	}
	log, err := receive(stream, func(*prontov1.JobEvent) bool { return true })
	if err := expectCode(err, codes.DeadlineExceeded); err != nil {
		return err
	}
	return endJob(ctx, client, log)
}

func cancellation(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	leaving, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Leads.SearchLeads(leaving, engineers(1000))
	if err != nil {
		return err
	}
	log, err := receive(stream, func(event *prontov1.JobEvent) bool { return event.GetLead() == nil })
	if err != nil {
		return err
	}
	cancel()
	// Events that had come already may be read first.
	_, err = receive(stream, func(*prontov1.JobEvent) bool { return true })
	if err := expectCode(err, codes.Canceled); err != nil {
		return err
	}
	if err := endJob(ctx, client, log); err != nil {
		return err
	}
	return stay()
}

// stay keeps the client as it is while the caller looks at the server: closing it would
// end the stream, too.
func stay() error {
	fmt.Println("cancelled")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// endJob checks that the job of a stream that was left goes on, and cancels it.
func endJob(ctx context.Context, client *pronto.Client, log []*prontov1.JobEvent) error {
	if len(log) == 0 || log[0].GetStarted() == nil {
		return errors.New("the stream did not begin with started")
	}
	id := log[0].GetJobId()
	answer, err := client.Jobs.GetJob(ctx, &prontov1.GetJobRequest{JobId: id})
	if err != nil {
		return err
	}
	switch state := answer.GetJob().GetState(); state {
	case prontov1.JobState_JOB_STATE_RUNNING:
	case prontov1.JobState_JOB_STATE_COMPLETED, prontov1.JobState_JOB_STATE_INCOMPLETE:
		return nil
	default:
		return fmt.Errorf("leaving the stream made the job %s", state)
	}
	_, err = client.Jobs.CancelJob(ctx, &prontov1.CancelJobRequest{JobId: id})
	if pronto.ReasonOf(err) == prontov1.ErrorReason_ERROR_REASON_JOB_FINISHED {
		return nil // It ended between the two calls.
	}
	return err
}
