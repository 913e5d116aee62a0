// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.atomic.AtomicReference;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.ErrorReason;
import pronto.v1.GetJobRequest;
import pronto.v1.LeadServiceGrpc.LeadServiceBlockingStub;
import pronto.v1.ListJobsRequest;

/** What travels beside the messages. */
final class Headers {
  private Headers() {}

  static void metadata(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      requestId(pronto);
      apiKey(pronto);
    }
  }

  private static void requestId(Pronto pronto) {
    Metadata.Key<String> key = key("x-request-id");
    AtomicReference<Metadata> headers = new AtomicReference<>();
    pronto
        .locations()
        .withInterceptors(
            with(key, "interop-java"),
            MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>()))
        .searchLocations(Requests.paris());
    Check.equal("interop-java", headers.get().get(key), "x-request-id of the answer");
  }

  private static void apiKey(Pronto pronto) {
    ClientInterceptor somebodyElse = with(key("x-api-key"), "somebody-else");
    var jobs = pronto.jobs().withInterceptors(somebodyElse);
    start(pronto.leads().withInterceptors(somebodyElse));
    String job = jobs.listJobs(ListJobsRequest.getDefaultInstance()).getJobs(0).getId();
    GetJobRequest request = GetJobRequest.newBuilder().setJobId(job).build();
    ProntoException error = Check.refused(() -> pronto.jobs().getJob(request));
    Check.equal(Status.Code.NOT_FOUND, error.code(), "code without the key");
    Check.equal(job, jobs.getJob(request).getJob().getId(), "job with the key");
  }

  /**
   * Starts a job. One that the sandbox refuses, because it does not know the key, is a job, too.
   */
  private static void start(LeadServiceBlockingStub leads) {
    try {
      leads.startLeadSearch(Requests.engineers(1));
    } catch (StatusRuntimeException e) {
      Check.equal(
          ErrorReason.ERROR_REASON_UNAUTHENTICATED_KEY, ProntoException.of(e).reason(), "start");
    }
  }

  private static ClientInterceptor with(Metadata.Key<String> key, String value) {
    Metadata headers = new Metadata();
    headers.put(key, value);
    return MetadataUtils.newAttachHeadersInterceptor(headers);
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
