package import ApusBase
package import ApusModel
package import ApusProtocol
package import ApusRemoting
import ApusRouteCore
package import ApusSystem
import Synchronization

/// The name server role: answers requests on the event loops it is bound to, removes silent brokers, and keeps what is
/// to be kept in files.
///
/// Bind it to a port of a ``ApusRemoting/RemotingServer``, then `start`; at the end `stop` after the server is quiet.
package final class NameServer: RemotingService {
  private static let firstScan: Duration = .seconds(5)
  private static let scanInterval: Duration = .seconds(10)
  /// Changes of settings that may wait for the disk; more are refused.
  private static let waitingChanges = 256

  /// What is answered.
  package let requests: NameServerRequests
  private let writer: IOThreads
  private let log: Logger
  private let isStopped = Atomic<Bool>(false)

  /// Loads what was stored before and starts the thread that writes. `ownAddresses` are this machine's: requests that
  /// administer are accepted from there.
  package init(
    settings: NameServerSettings, ownAddresses: [HostAddress], disk: any Disk, log: Logger
  ) throws(NameServerError) {
    do throws(ConfigFileError) {
      requests = try NameServerRequests(settings: settings, ownAddresses: ownAddresses, disk: disk, log: log)
    } catch {
      throw .files(error)
    }
    do throws(SystemError) {
      writer = try IOThreads(count: 1, capacity: Self.waitingChanges)
    } catch {
      throw .system(error)
    }
    self.log = log
  }

  /// Begins to look for silent brokers: after 5 seconds, then every 10. `loops` are those that serve it.
  package func start(on loops: [EventLoop]) {
    precondition(!loops.isEmpty, "a name server needs a loop")
    loops[0].execute { [self] in scan(after: Self.firstScan, loops) }
  }

  /// Writes what waits to be written and ends. To be called when the server reads no more requests, not on a loop.
  package func stop() {
    isStopped.store(true, ordering: .relaxed)
    writer.stop()
  }

  /// Answers on the loop, or after the disk.
  package func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let link = RouteLink(rawValue: connection.id.rawValue)
    let context = NameServerRequests.Context(peer: connection.peer, link: link, now: connection.loop.now)
    switch requests.answer(request, context) {
    case .reply(let reply):
      connection.send(reply, to: request.header)
    case .write(let work):
      let (header, id, loop) = (request.header, connection.id, connection.loop)
      let isAccepted = writer.submit {
        let reply = work()
        loop.execute { loop.connection(id)?.send(reply, to: header) }
      }
      if !isAccepted {
        connection.send(Reply(.systemBusy, remark: "too many changes wait for the disk"), to: header)
      }
    }
    return .done
  }

  /// The brokers that registered over the connection are gone.
  package func connectionClosed(_ connection: Connection) {
    requests.connectionLost(RouteLink(rawValue: connection.id.rawValue))
  }

  private func scan(after delay: Duration, _ loops: [EventLoop]) {
    loops[0].schedule(after: delay) { [self] in
      guard !isStopped.load(ordering: .relaxed) else { return }
      for link in requests.removeSilentBrokers(now: loops[0].now) { close(link, loops) }
      scan(after: Self.scanInterval, loops)
    }
  }

  /// Closes a connection on the loop that it belongs to.
  private func close(_ link: RouteLink, _ loops: [EventLoop]) {
    let id = ConnectionID(rawValue: link.rawValue)
    guard let loop = loops.first(where: { $0.index == id.loop }) else { return }
    loop.execute { loop.connection(id)?.close() }
  }
}

/// A name server that could not be set up.
package enum NameServerError: Error, CustomStringConvertible {
  /// A file cannot be read.
  case files(ConfigFileError)
  /// The system gave no thread.
  case system(SystemError)

  /// One line with the cause.
  package var description: String {
    switch self {
    case .files(let error): error.description
    case .system(let error): "\(error)"
    }
  }
}
