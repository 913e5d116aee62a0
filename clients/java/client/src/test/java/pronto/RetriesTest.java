// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.DescriptorProtos.MethodOptions.IdempotencyLevel;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.JobServiceGrpc;

final class RetriesTest {
  @Test
  void areForTheMethodsWhoseOptionSaysSo() {
    Set<String> expected = new HashSet<>();
    for (ServiceDescriptor service : services()) {
      for (MethodDescriptor method : service.getMethods()) {
        IdempotencyLevel level = method.getOptions().getIdempotencyLevel();
        boolean stream = method.isServerStreaming();
        if (level != IdempotencyLevel.IDEMPOTENCY_UNKNOWN && !stream) {
          expected.add(service.getFullName() + "/" + method.getName());
        }
      }
    }
    Set<String> names = configured();
    assertEquals(expected, names);
    assertTrue(names.contains("pronto.v1.LocationService/SearchLocations"), "safe");
    assertTrue(names.contains("pronto.v1.JobService/PurgePerson"), "idempotent");
    assertFalse(names.contains("pronto.v1.LeadService/StartLeadSearch"), "charged");
    assertFalse(names.contains("pronto.v1.JobService/WatchJob"), "a stream");
  }

  @Test
  void knowAllServices() {
    assertEquals(12, Services.ALL.size());
    Set<FileDescriptor> files =
        services().stream().map(ServiceDescriptor::getFile).collect(Collectors.toSet());
    long count = files.stream().mapToLong(file -> file.getServices().size()).sum();
    assertEquals(12, count);
  }

  @Test
  void pauseLongerEachTime() {
    List<Long> pauses =
        List.of(1, 2, 3, 4, 5).stream().map(n -> Retries.backoff(n, 0.5).toMillis()).toList();
    assertEquals(List.of(500L, 1000L, 2000L, 4000L, 5000L), pauses);
    assertEquals(Duration.ofMillis(400), Retries.backoff(1, 0));
    assertEquals(Duration.ofMillis(600), Retries.backoff(1, 1));
  }

  @Test
  void repeatASafeCall() throws Exception {
    int[] calls = {0};
    var service =
        new JobServiceGrpc.JobServiceImplBase() {
          @Override
          public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> answer) {
            if (calls[0]++ == 0) {
              answer.onError(Status.UNAVAILABLE.asException());
              return;
            }
            answer.onNext(GetJobResponse.getDefaultInstance());
            answer.onCompleted();
          }
        };
    try (FakeServer server = new FakeServer(service);
        Pronto pronto = Pronto.builder().open(server.builder(), Engine.start())) {
      pronto.jobs().getJob(GetJobRequest.getDefaultInstance());
      assertEquals(2, calls[0]);
    }
  }

  private static List<ServiceDescriptor> services() {
    return Services.ALL.stream()
        .flatMap(
            service ->
                ((ProtoFileDescriptorSupplier) service.getSchemaDescriptor())
                    .getFileDescriptor().getServices().stream())
        .toList();
  }

  private static Set<String> configured() {
    var config = (List<?>) Retries.serviceConfig(Services.ALL).get("methodConfig");
    var names = (List<?>) ((Map<?, ?>) config.get(0)).get("name");
    return names.stream()
        .map(name -> ((Map<?, ?>) name).get("service") + "/" + ((Map<?, ?>) name).get("method"))
        .collect(Collectors.toSet());
  }
}
