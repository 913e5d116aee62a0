// SPDX-License-Identifier: Apache-2.0

// Package pronto is the Go client of pronto-grpc: the generated stubs of [prontov1]
// on a connection that is set up as the server wants it, errors with their reason,
// and the events of a job as one iterator that outlives broken connections.
//
//	client, err := pronto.Connect("localhost:50051")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
//	start, err := client.Leads.StartLeadSearch(ctx, &prontov1.SearchLeadsRequest{
//		Filters:   &prontov1.LeadFilters{JobTitles: []string{"engineer"}},
//		RequestId: "engineers-1", // makes the call safe to repeat
//	})
//	if err != nil {
//		return err
//	}
//	stream := client.Follow(start.GetJob().GetId())
//	for event, err := range stream.Events(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(event.GetLead().GetLead().GetLastName())
//	}
//	fmt.Println(stream.Account().GetOutcome())
//
// Errors of calls are of type [*Error].
//
// What is repeated when the server is UNAVAILABLE: unary methods whose
// idempotency_level in the proto says that a repeat is safe, and unary calls with a
// request_id, for which [MaxPauseWithoutDeadline] bounds the pauses. Nothing else is,
// because a broken connection may hide a call that was carried out and charged.
//
// Streams of [Client.Follow] go on by rules of their own: see [Stream.Events].
package pronto
