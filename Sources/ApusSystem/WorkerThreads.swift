package import ApusBase
import Synchronization

extension Workers {
  /// Up to `count` threads, the calling one among them. The others are started for each run and end with it. On a
  /// ``SimulatedMachine`` there are no others.
  package static func threads(_ count: Int, name: String) -> Workers {
    Workers { pieces, body in
      if SimulatedMachine.current != nil { return Workers.serial.run(pieces, body) }
      withoutActuallyEscaping(body) { body in
        let left = PiecesLeft(pieces)
        let work: @Sendable () -> Void = { while let piece = left.take() { body(piece) } }
        var threads: [Thread] = []
        for _ in 1..<max(1, min(count, pieces)) {
          do throws(SystemError) {
            threads.append(try Thread.start(name: name, work))
          } catch {
            // The others do its share.
            break
          }
        }
        work()
        for thread in threads { thread.join() }
      }
    }
  }
}

/// Hands out the numbers below a count, each once.
private final class PiecesLeft: Sendable {
  private let count: Int
  private let next = Atomic(0)

  init(_ count: Int) { self.count = count }

  func take() -> Int? {
    let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
    return piece < count ? piece : nil
  }
}
