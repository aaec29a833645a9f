//! The door as the live host answers it: each question to whoever knows, within the time that one answer has.

use super::*;

impl Host for LiveHost {
    fn system(&self, (): ()) -> BoxFuture<'_, System> {
        Box::pin(async {
            let root = self.root.clone();
            let described = self.deadline().blocking(move || system::describe(&root));
            match described.await {
                Ok(system) => system,
                // The root hangs: what can be told without its files.
                Err(_) => system::describe(&Root::new(Some("/nonexistent".into()))),
            }
        })
    }

    fn now(&self, (): ()) -> BoxFuture<'_, DateTime<Utc>> {
        Box::pin(async { Utc::now() })
    }

    fn environment(
        &self,
        question: EnvironmentQuestion,
    ) -> BoxFuture<'_, BTreeMap<String, String>> {
        Box::pin(async move { self.ask_environment(question) })
    }

    fn file_variables(
        &self,
        question: FileVariablesQuestion,
    ) -> BoxFuture<'_, Seen<BTreeMap<String, String>>> {
        Box::pin(self.ask_file_variables(question))
    }

    fn stat(&self, path: HostPath) -> BoxFuture<'_, Seen<Stat>> {
        Box::pin(self.look(move |root| Ok(root.find(&path)?.into_stat())))
    }

    fn read(&self, question: ReadQuestion) -> BoxFuture<'_, Seen<Content>> {
        Box::pin(async {
            let mut content = self
                .look(move |root| files::content(root, &question))
                .await?;
            content.text = self.scrubber.file(&content.text);
            Ok(content)
        })
    }

    fn private_key(&self, path: HostPath) -> BoxFuture<'_, Seen<KeyFacts>> {
        Box::pin(self.look(move |root| private_key::facts(root, &path)))
    }

    fn file_system(&self, path: HostPath) -> BoxFuture<'_, Seen<FileSystem>> {
        Box::pin(self.look(move |root| root.file_system(&path)))
    }

    fn find_program(&self, name: String) -> BoxFuture<'_, Seen<PathBuf>> {
        Box::pin(self.look(move |root| commands::find(root, &name)))
    }

    fn account(&self, name: String) -> BoxFuture<'_, Seen<Account>> {
        Box::pin(self.ask_account(name))
    }

    fn group(&self, name: String) -> BoxFuture<'_, Seen<Group>> {
        Box::pin(self.ask_group(name))
    }

    fn inside(&self, question: InsideQuestion) -> BoxFuture<'_, Seen<Inside>> {
        Box::pin(self.ask_inside(question))
    }

    fn processes(&self, name: String) -> BoxFuture<'_, Seen<Vec<Process>>> {
        Box::pin(async move {
            self.must_be_here("processes")?;
            self.look(move |_| system::processes(&name)).await
        })
    }

    fn service(&self, question: ServiceQuestion) -> BoxFuture<'_, Seen<Service>> {
        Box::pin(self.ask_service(question))
    }

    fn assignments(&self, files: Vec<PathBuf>) -> BoxFuture<'_, BTreeMap<String, PathBuf>> {
        Box::pin(async {
            let found = self.look(move |root| Ok(unit_files::assignments(root, &files)));
            found.await.unwrap_or_default()
        })
    }

    fn journal(&self, question: JournalQuestion) -> BoxFuture<'_, Seen<Vec<LogEntry>>> {
        Box::pin(self.ask_journal(question))
    }

    fn time_sync(&self, (): ()) -> BoxFuture<'_, Seen<TimeSync>> {
        Box::pin(async {
            known_system("time synchronization")?;
            self.must_be_here("time synchronization")?;
            platform::time_sync(self.deadline()).await
        })
    }

    fn network_settings(&self, (): ()) -> BoxFuture<'_, Seen<NetworkSettings>> {
        Box::pin(async {
            self.must_be_here("settings of the network")?;
            let mut settings = platform::network_settings(self.deadline()).await?;
            if let Some(proxy) = &mut settings.winhttp_proxy {
                proxy.proxy = self.scrubber.variable("https_proxy", &proxy.proxy);
                proxy.bypass = self.scrubber.text(&proxy.bypass);
            }
            if let Some(proxy) = &mut settings.system_proxy {
                for told in [&mut proxy.https, &mut proxy.automatic]
                    .into_iter()
                    .flatten()
                {
                    *told = self.scrubber.variable("https_proxy", told);
                }
            }
            Ok(settings)
        })
    }

    fn ntp(&self, question: NtpQuestion) -> BoxFuture<'_, Seen<NtpReply>> {
        Box::pin(async move { ntp::ask(self.timeout, self.ntp_port, &question).await })
    }

    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Seen<DnsReply>> {
        Box::pin(async move {
            let reply = dns::ask(self.deadline(), self.dns_port, &question);
            let tells = |reply: &DnsReply| !reply.addresses.is_empty();
            self.answered.or(&question.name, reply, tells).await
        })
    }

    fn lookup(&self, name: String) -> BoxFuture<'_, Seen<Vec<IpAddr>>> {
        Box::pin(self.ask_lookup(name))
    }

    fn connect(&self, question: ConnectQuestion) -> BoxFuture<'_, Race> {
        Box::pin(self.ask_connect(question))
    }

    fn tunnel(&self, question: TunnelQuestion) -> BoxFuture<'_, Seen<Tunnel>> {
        Box::pin(self.ask_tunnel(question))
    }

    fn handshake(&self, question: HandshakeQuestion) -> BoxFuture<'_, Seen<Handshake>> {
        Box::pin(self.ask_handshake(question))
    }

    fn health(&self, question: HealthQuestion) -> BoxFuture<'_, Seen<Exchange>> {
        Box::pin(self.ask_health(question))
    }

    fn fetch(&self, question: FetchQuestion) -> BoxFuture<'_, Seen<Exchange>> {
        Box::pin(api::fetch(self, question))
    }

    fn anchors(&self, question: AnchorsQuestion) -> BoxFuture<'_, Seen<Anchors>> {
        let stores = self.stores.clone();
        Box::pin(self.look(move |root| stores.matching(root, &question)))
    }

    fn api(&self, question: ApiQuestion) -> BoxFuture<'_, ApiAnswer> {
        Box::pin(self.ask_api(question))
    }

    fn token(&self, (): ()) -> BoxFuture<'_, Option<TokenShape>> {
        Box::pin(async { self.tokens.enrollment.as_ref().map(TokenShape::of) })
    }
}
