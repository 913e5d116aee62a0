// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SerialExecutorTest {
  private final List<String> ran = new ArrayList<>();

  @Test
  void aTaskThatComesInsideAnotherOneWaits() {
    SerialExecutor serial = new SerialExecutor(Runnable::run);
    serial.execute(
        () -> {
          serial.execute(() -> ran.add("second"));
          ran.add("first");
        });
    assertEquals(List.of("first", "second"), ran);
  }

  /** As where no thread can be made: what comes later must not wait for ever. */
  @Test
  void aTaskThatCouldNotBeHandedOverRunsBeforeTheNext() {
    boolean[] full = {true};
    SerialExecutor serial =
        new SerialExecutor(
            task -> {
              if (full[0]) {
                throw new OutOfMemoryError("no thread, as a test has it");
              }
              task.run();
            });
    assertThrows(OutOfMemoryError.class, () -> serial.execute(() -> ran.add("first")));
    full[0] = false;
    serial.execute(() -> ran.add("second"));
    assertEquals(List.of("first", "second"), ran);
  }
}
