-- Times are milliseconds since 1970-01-01T00:00:00Z. A bucket is the hour that begins at bucket_start.
-- Views show times as RFC 3339 in UTC.

create table schema_version(version integer not null, since integer not null);

-- One row a Tweet: what the newest job found that asked for it or left it out, or an older one that was asked again since
-- and was answered. Asked again without an answer, what was known stays.
create table tweets(
    tweet_id integer primary key,
    owner text,
    created_at integer,
    state text not null,
    reason text,
    checked_at integer not null,
    job integer not null
);

-- One row for each Tweet and metric of every observation. Ordered by time and not by Tweet, so that what comes in goes
-- to the end of the tree: Tweets come in the order of their owners, which is no order of ids.
create table totals(
    tweet_id integer not null,
    metric text not null,
    observed_at integer not null,
    value integer not null,
    primary key(observed_at, tweet_id, metric)
) without rowid;

-- One row an hour: the newest observation's value, when that value was first seen, and where.
create table series(
    tweet_id integer not null,
    metric text not null,
    bucket_start integer not null,
    value integer not null,
    observed_at integer not null,
    endpoint text not null,
    primary key(tweet_id, bucket_start, metric)
) without rowid;

-- What an hour's value was before it changed.
create table revisions(
    revision integer primary key,
    tweet_id integer not null,
    metric text not null,
    bucket_start integer not null,
    value integer not null,
    observed_at integer not null,
    replaced_by integer not null,
    replaced_at integer not null
);
create trigger series_revised after update on series begin
    insert into revisions(tweet_id, metric, bucket_start, value, observed_at, replaced_by, replaced_at)
    values (old.tweet_id, old.metric, old.bucket_start, old.value, old.observed_at, new.value, new.observed_at);
end;

-- Which values an observation brought: the metrics, separated by commas, and on series the hours.
create table coverage(
    tweet_id integer not null,
    endpoint text not null,
    window_start integer,
    window_end integer,
    metrics text not null,
    observed_at integer not null
);
create index coverage_of_series on coverage(tweet_id, observed_at) where window_start is not null;

-- What was asked for and has no value: one row for each Tweet, metric and hour or window of every observation.
create table gaps(
    tweet_id integer not null,
    metric text not null,
    endpoint text not null,
    window_start integer,
    window_end integer,
    state text not null,
    reason text,
    observed_at integer not null
);

create table jobs(
    job integer primary key autoincrement,
    identity text not null,
    ids_hash text not null,
    observation integer not null,
    endpoint text not null,
    settings text not null,
    tweets integer not null,
    batches integer not null,
    made_at integer not null,
    unique(identity, ids_hash, observation)
);

-- A batch is one request's work. Its failures are those that counted, and failed_at is when the last of them did. The last
-- six columns count its cells: Tweet x metric x bucket.
create table batches(
    job integer not null,
    batch integer not null,
    endpoint text not null,
    owner text,
    metrics text not null,
    window_start integer,
    window_end integer,
    tweets integer not null,
    state text not null,
    attempts integer not null,
    failures integer not null,
    failed_at integer,
    reason text,
    settled_at integer,
    ok integer not null default 0,
    unavailable integer not null default 0,
    unsupported integer not null default 0,
    forbidden integer not null default 0,
    failed integer not null default 0,
    unaccounted integer not null default 0,
    primary key(job, batch)
) without rowid;
create index batches_open on batches(job, state, batch) where state <> 'done';

-- A batch's Tweets: ids of 8 bytes each, the lowest byte first, in ascending order; and a byte for the state of each.
create table batch_tweets(
    job integer not null,
    batch integer not null,
    tweet_ids blob not null,
    states blob,
    primary key(job, batch)
);

-- The ledger: one row for each request, written before it is sent.
create table requests(
    request integer primary key autoincrement,
    job integer not null,
    batch integer not null,
    endpoint text not null,
    owner text,
    owner_id integer,
    sent_at integer not null,
    state text not null,
    status integer,
    settled_at integer
);
create index requests_open on requests(request) where state = 'sent';
create index requests_of_owners on requests(sent_at, owner) where owner is not null;
