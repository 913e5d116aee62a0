// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import pronto.v1.CancelJobRequest;

final class ReconnectionTest {
  @Test
  void callsAfterAFailureConnectAtOnce() throws Exception {
    var closed = server(0).build().start();
    int port = closed.getPort();
    closed.shutdownNow().awaitTermination();
    try (Pronto pronto = Pronto.builder().target("localhost:" + port).connect()) {
      assertEquals(Status.Code.UNAVAILABLE, code(pronto));
      var back = server(port).build().start();
      // The first ones may come before the channel has noted its failure, and many where its thread
      // has to wait for a processor; its pause is a second.
      assertTrue(
          Stream.generate(() -> code(pronto))
              .limit(500)
              .anyMatch(code -> code == Status.Code.UNIMPLEMENTED));
      back.shutdownNow();
    }
  }

  @Test
  void manyCallsDoNotStorm() {
    ManualTime time = new ManualTime();
    Throttle throttle = new Throttle(time::now);
    List<Long> passed = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      if (throttle.pass()) {
        passed.add(time.now() / 1_000_000);
      }
      time.pass(Duration.ofMillis(100));
    }
    assertEquals(List.of(0L, 1000L, 3000L, 7000L, 15_000L, 25_000L, 35_000L), passed);
    time.pass(Duration.ofMinutes(2));
    assertTrue(throttle.pass());
    time.pass(Duration.ofSeconds(1));
    assertTrue(throttle.pass());
  }

  private static ServerBuilder<?> server(int port) {
    return Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create());
  }

  private static Status.Code code(Pronto pronto) {
    var request = CancelJobRequest.getDefaultInstance();
    return assertThrows(StatusRuntimeException.class, () -> pronto.jobs().cancelJob(request))
        .getStatus()
        .getCode();
  }
}
