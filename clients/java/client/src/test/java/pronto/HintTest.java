// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import pronto.v1.EnrichContactRequest;

/** A server that speaks TLS while the client does not, and the other way round. */
final class HintTest {
  private static final byte[] ALERT = {21, 3, 3, 0, 2, 2, 70};
  private static final byte[] HTTP_1 =
      "HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] NOTHING = {};

  @Test
  void anAlertOfTls() throws IOException {
    assertHint(ALERT, Pronto.builder(), "does this address speak TLS?");
  }

  @Test
  void noTls() throws IOException {
    assertHint(HTTP_1, Pronto.builder().tls(), "is this address without TLS?");
  }

  @Test
  void otherEndsHaveNone() throws IOException {
    assertHint(NOTHING, Pronto.builder(), "");
    assertHint(NOTHING, Pronto.builder().tls(), "");
    assertHint(HTTP_1, Pronto.builder(), "");
  }

  /** Expects the hint behind gRPC's words. */
  private static void assertHint(byte[] answer, ProntoBuilder builder, String hint)
      throws IOException {
    try (ServerSocket server = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
      new Thread(() -> answer(server, answer)).start();
      try (Pronto pronto = builder.target("127.0.0.1:" + server.getLocalPort()).connect()) {
        var request = EnrichContactRequest.getDefaultInstance();
        var error =
            assertThrows(
                StatusRuntimeException.class, () -> pronto.contacts().enrichContact(request));
        String description = ProntoException.of(error).description();
        assertTrue(description.startsWith(error.getStatus().getDescription()), description);
        assertTrue(description.contains(hint), description);
        assertEquals(hint.isEmpty(), !description.contains("?"), description);
      }
    }
  }

  /** Answers each connection with the same, until the server is closed. */
  private static void answer(ServerSocket server, byte[] answer) {
    while (true) {
      try (Socket socket = server.accept()) {
        OutputStream out = socket.getOutputStream();
        out.write(answer);
        socket.shutdownOutput();
        // What is not read would turn the end into a reset.
        socket.getInputStream().transferTo(OutputStream.nullOutputStream());
      } catch (IOException e) {
        if (server.isClosed()) {
          return;
        }
      }
    }
  }
}
