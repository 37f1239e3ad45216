-- Every Tweet's newest total of each metric.
create view v_latest_totals(tweet_id, metric, value, observed_at) as
select tweet_id, metric, value, strftime('%Y-%m-%dT%H:%M:%fZ', max(observed_at) / 1000.0, 'unixepoch')
from totals group by tweet_id, metric;

-- What each observation of a total gained on the one before it.
create view v_gains(tweet_id, metric, since, until, gain) as
select tweet_id, metric, strftime('%Y-%m-%dT%H:%M:%fZ', since / 1000.0, 'unixepoch'),
    strftime('%Y-%m-%dT%H:%M:%fZ', observed_at / 1000.0, 'unixepoch'), value - before
from (
    select tweet_id, metric, observed_at, value,
        lag(observed_at) over snapshots as since, lag(value) over snapshots as before
    from totals window snapshots as (partition by tweet_id, metric order by observed_at)
)
where since is not null;

create view v_hourly(tweet_id, metric, hour, value, observed_at) as
select tweet_id, metric, strftime('%Y-%m-%dT%H:%M:%SZ', bucket_start / 1000, 'unixepoch'), value,
    strftime('%Y-%m-%dT%H:%M:%fZ', observed_at / 1000.0, 'unixepoch')
from series;

-- UTC days. hours says how many of the day's hours are known: below 24 the value is a part of the day's.
create view v_daily(tweet_id, metric, day, value, hours) as
select tweet_id, metric, strftime('%Y-%m-%d', bucket_start / 1000, 'unixepoch') as day, sum(value), count(*)
from series group by tweet_id, day, metric;

-- Tweets by metric, the first has rank 1: by newest total, where there is one, else by the sum of the known hours.
create view v_top(metric, rank, tweet_id, owner, value, source, url) as
with known(tweet_id, metric, value, source) as (
    select tweet_id, metric, value, 'totals'
    from (select tweet_id, metric, value, max(observed_at) from totals group by tweet_id, metric)
    union all
    select tweet_id, metric, sum(value), 'series' from series
    where (tweet_id, metric) not in (select tweet_id, metric from totals)
    group by tweet_id, metric
)
select known.metric, row_number() over (partition by known.metric order by known.value desc, known.tweet_id),
    known.tweet_id, tweets.owner, known.value, known.source,
    'https://twitter.com/i/web/status/' || known.tweet_id
from known left join tweets using (tweet_id);

-- The ledger by calendar month in UTC: owners whose token sent a request, requests with their tokens, requests without.
create view v_usage_month(month, owners, requests, app_only_requests) as
select strftime('%Y-%m', sent_at / 1000, 'unixepoch') as month,
    count(distinct coalesce(owner_id, owner)), count(owner), count(*) - count(owner)
from requests group by month;
