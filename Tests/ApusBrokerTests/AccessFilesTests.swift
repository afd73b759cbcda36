import ApusAccess
import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing
import ApusSigning

@testable import ApusBroker

/// Access control files: read anew when they change, and changed by requests 50, 51 and 53.
@Suite(.timeLimit(.minutes(10))) struct AccessFilesTests {
  let now = WallTime(milliseconds: 1_800_000_000_000)
  let log = Logger(level: .error)

  @Test func `changed files count after the next look, and bad ones change nothing`() throws {
    let directory = try AccessDirectory()
    let files = try AccessFiles(directory: directory.path, now: now, log: log)
    let heard = Locked<[Int]>([])
    files.join { change in heard.withLock { $0.append(change.generation) } }
    files.refresh(now: now)
    #expect(heard.withLock { $0 } == [])
    try directory.write("acl/more.yaml", "accounts:\n- accessKey: another1\n  secretKey: another1\n")
    files.refresh(now: now)
    #expect(heard.withLock { $0 } == [2])
    #expect(files.snapshot.list.count == 3)
    try directory.write("plain_acl.yml", "accounts:\n- accessKey: fxadmin\n")
    files.refresh(now: now)
    files.refresh(now: now)
    #expect(files.snapshot.list.count == 3)
    try directory.write("plain_acl.yml", "accounts: []\n")
    files.refresh(now: now)
    #expect(heard.withLock { $0 } == [2, 3])
    #expect(files.snapshot.list.count == 1)
  }

  @Test func `the log tells when changed files were read, and only then`() throws {
    let (directory, log) = (try AccessDirectory(), try LogFile())
    let files = try AccessFiles(directory: directory.path, now: now, log: log.logger)
    files.refresh(now: now)
    #expect(try log.lines(with: "changed access control files were read") == [])
    try directory.write("plain_acl.yml", "accounts: []\n")
    files.refresh(now: now)
    files.refresh(now: now)
    let lines = try log.lines(with: "changed access control files were read")
    #expect(lines == ["INFO access: changed access control files were read accounts=0 directory=\(directory.path)"])
    try directory.write("plain_acl.yml", "accounts:\n- accessKey: fxadmin\n")
    files.refresh(now: now)
    files.refresh(now: now)
    #expect(try log.lines(with: "cannot be used; what was read before goes on to count").count == 1)
  }

  @Test func `files that vanish altogether change nothing`() throws {
    let directory = try AccessDirectory()
    let files = try AccessFiles(directory: directory.path, now: now, log: log)
    try FileManager.default.removeItem(atPath: directory.path + "/plain_acl.yml")
    files.refresh(now: now)
    #expect(files.snapshot.list.count == 2)
  }

  @Test func `a broker goes by a changed file without being told`() async throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    #expect(try client.ask(.getBrokerRuntimeInfo, by: .user).responseCode == .success)
    try directory.write("plain_acl.yml", "accounts:\n- accessKey: fxadmin\n  secretKey: adminsecret1\n  admin: true\n")
    try Patience.wait { try client.ask(.getBrokerRuntimeInfo, by: .user).responseCode != .success }
    #expect(try client.ask(.getBrokerRuntimeInfo, by: .admin).responseCode == .success)
    broker.stop()
  }

  // MARK: Requests

  @Test func `accounts are made, changed and removed by request, at once and in the file`() throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let fresh = Credentials(accessKey: "fxnew001", secretKey: "new-secret")
    #expect(try client.ask(.getBrokerRuntimeInfo, by: fresh).remark?.contains("No acl config for fxnew001") == true)
    let make = UpdateAndCreateACLConfig.Request(
      accessKey: "fxnew001", secretKey: "new-secret", isAdmin: false, defaultGroupPermission: "SUB",
      topicPermissions: ["FxNew=PUB"])
    #expect(try client.ask(make, by: .user).remark?.contains("Need admin permission") == true)
    #expect(try client.ask(make, by: .admin).responseCode == .success)
    #expect(try client.ask(.sendMessageV2, Fields.send(to: "FxNew"), body: [1], by: fresh).responseCode == .success)
    let added = """

      - accessKey: fxnew001
        secretKey: new-secret
        admin: false
        defaultGroupPerm: SUB
        topicPerms:
        - FxNew=PUB
      dataVersion:
      - counter: 1
        timestamp:
      """
    var expected = AccessDirectory.usual + added
    #expect(try directory.text().hasPrefix(expected))
    let change = UpdateAndCreateACLConfig.Request(accessKey: "fxnew001", topicPermissions: ["FxNew=DENY"])
    #expect(try client.ask(change, by: .admin).responseCode == .success)
    let refused = try client.ask(.sendMessageV2, Fields.send(to: "FxNew"), body: [1], by: fresh)
    #expect(refused.remark?.hasSuffix("No default permission for topic:FxNew") == true)
    expected.replace("FxNew=PUB", with: "FxNew=DENY")
    expected.replace("counter: 1", with: "counter: 2")
    #expect(try directory.text().hasPrefix(expected))
    #expect(try client.ask(DeleteACLConfig.Request(accessKey: "fxnew001"), by: .admin).responseCode == .success)
    #expect(try client.ask(.getBrokerRuntimeInfo, by: fresh).remark?.contains("No acl config for fxnew001") == true)
    let gone = try client.ask(DeleteACLConfig.Request(accessKey: "fxnew001"), by: .admin)
    #expect(gone.responseCode == .deleteACLConfigFailed)
    #expect(gone.remark == "The accesskey[fxnew001] corresponding to accessConfig has been deleted failed.")
    broker.stop()
    #expect(try directory.names == ["plain_acl.yml"])
  }

  @Test func `an account is changed in the file that has it`() throws {
    let more = "accounts:\n- accessKey: another1\n  secretKey: another1\n"
    let directory = try AccessDirectory(["plain_acl.yml": AccessDirectory.usual, "acl/more.yml": more])
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let change = UpdateAndCreateACLConfig.Request(accessKey: "another1", isAdmin: true)
    #expect(try client.ask(change, by: .admin).responseCode == .success)
    #expect(try directory.text() == AccessDirectory.usual)
    #expect(try directory.text("acl/more.yml").hasPrefix(more + "  admin: true\ndataVersion:\n- counter: 1\n"))
    broker.stop()
  }

  @Test func `global addresses are replaced, in files that are in use and in no others`() throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let elsewhere = directory.path + "/elsewhere.yml"
    for path in [elsewhere, "/etc/passwd", directory.path + "/acl/../plain_acl.yml", "plain_acl.yml"] {
      let answer = try client.ask(UpdateGlobalWhiteAddrsConfig.Request(addresses: "*", path: path), by: .admin)
      #expect(answer.responseCode.rawValue == 211, "\(path)")
    }
    #expect(try directory.names == ["plain_acl.yml"])
    let wrong = try client.ask(UpdateGlobalWhiteAddrsConfig.Request(addresses: "10.0.0.x"), by: .admin)
    #expect(wrong.responseCode.rawValue == 211)
    #expect(try directory.text() == AccessDirectory.usual)
    #expect(try client.ask(.getBrokerRuntimeInfo).responseCode == .systemError)
    let own = UpdateGlobalWhiteAddrsConfig.Request(
      addresses: "10.10.103.*,127.0.0.1", path: directory.path + "/plain_acl.yml")
    #expect(try client.ask(own, by: .admin).responseCode == .success)
    #expect(try directory.text().hasPrefix("globalWhiteRemoteAddresses:\n- 10.10.103.*\n- 127.0.0.1\naccounts:\n"))
    #expect(try client.ask(.getBrokerRuntimeInfo).responseCode == .success)
    broker.stop()
  }

  @Test func `the files' states are told, and nothing of what they hold`() throws {
    let versioned = "accounts: []\ndataVersion:\n- counter: 7\n  timestamp: 1795221109578\n"
    let directory = try AccessDirectory(["plain_acl.yml": AccessDirectory.usual, "acl/more.yml": versioned])
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let answer = try client.ask(GetBrokerClusterACLInfo.Request(), by: .admin)
    #expect(answer.responseCode == .success)
    #expect(answer.body.isEmpty)
    let told = try GetBrokerClusterACLInfo.Response(answer)
    #expect(told.files.map(\.path) == [directory.path + "/acl/more.yml", directory.path + "/plain_acl.yml"])
    #expect(
      told.files.first?.version == DataVersion(timestamp: WallTime(milliseconds: 1_795_221_109_578), counter: 7))
    #expect(told.version == told.files.last?.version)
    #expect(told.broker == "fx-a" && told.cluster == "FxCluster")
    let recorded = try RecordedFrames.accessSamples("0052-GET_BROKER_CLUSTER_ACL_INFO")
    let java = try #require(recorded.first?.response)
    #expect(Set(answer.fields?.map(\.name) ?? []) == Set(java.fields?.map(\.name) ?? []))
    #expect(try GetBrokerClusterACLInfo.Response(java).fields.map(\.value) == java.fields?.map(\.value))
    broker.stop()
  }

  @Test func `a change that cannot be is answered as Java answers it, without the secret`() throws {
    let directory = try AccessDirectory()
    let broker = try directory.served()
    let client = try RawClient(port: broker.port)
    let short = UpdateAndCreateACLConfig.Request(accessKey: "fxn2222", secretKey: "x!x!x", isAdmin: false)
    let answer = try client.ask(short, by: .admin)
    #expect(answer.responseCode == .updateAndCreateACLConfigFailed)
    #expect(
      answer.remark == "The accessKey=fxn2222 and its secretKey cannot be null and length should longer than 6")
    #expect(try directory.text() == AccessDirectory.usual)
    broker.stop()
  }

  @Test func `a file keeps its mode, and a new one is its owner's alone`() throws {
    let directory = try AccessDirectory()
    let path = directory.path + "/plain_acl.yml"
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    let files = try AccessFiles(directory: directory.path, now: now, log: log)
    try files.update(AccountChange(accessKey: "fxadmin", isAdmin: true), now: now)
    #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o640)
    try PrivateFile.replace(directory.path + "/new", with: [1])
    let mode = try FileManager.default.attributesOfItem(atPath: directory.path + "/new")[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func `of a link the target is replaced`() throws {
    let directory = try AccessDirectory([:])
    try directory.write("real", AccessDirectory.usual)
    try FileManager.default.createSymbolicLink(
      atPath: directory.path + "/plain_acl.yml", withDestinationPath: directory.path + "/real")
    let files = try AccessFiles(directory: directory.path, now: now, log: log)
    try files.update(AccountChange(accessKey: "fxadmin", topicPermissions: ["a=SUB"]), now: now)
    #expect(try directory.text("real").contains("- a=SUB"))
  }

  @Test func `a secret is in no answer, no log line and no metric`() throws {
    let directory = try AccessDirectory()
    let path = directory.path + "/broker.log"
    let broker = try directory.served(log: try Logger(path: path, level: .debug))
    let client = try RawClient(port: broker.port)
    var answers: [Command] = []
    let make = UpdateAndCreateACLConfig.Request(accessKey: "fxnew001", secretKey: "freshsecret1", isAdmin: false)
    answers.append(try client.ask(make, by: .admin))
    answers.append(try client.ask(make, by: .user))
    answers.append(try client.ask(make, by: Credentials(accessKey: "fxadmin", secretKey: "freshsecret2")))
    var wrong = make
    wrong.topicPermissions = ["nonsense"]
    answers.append(try client.ask(wrong, by: .admin))
    answers.append(try client.ask(GetBrokerClusterACLInfo.Request(), by: .admin))
    answers.append(try client.ask(.getBrokerConfig, by: .admin))
    answers.append(try client.ask(.getBrokerRuntimeInfo, by: .admin))
    try directory.write("acl/bad.yml", "accounts:\n- accessKey: fxbad001\n  secretKey: [freshsecret3]\n")
    answers.append(try client.ask(make, by: .admin))
    let signature = try #require(Credentials.admin.signed(make.fields).last?.value)
    broker.stop()
    let told =
      answers.map { "\($0)" + String(decoding: $0.body, as: UTF8.self) }.joined()
      + String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    #expect(told.contains("an account was changed"))
    #expect(told.contains("acl/bad.yml:3: secretKey must be a text"))
    for secret in ["adminsecret1", "usersecret1", "freshsecret", signature] { #expect(!told.contains(secret)) }
  }
}
